/** The widths at which the layout changes; names for media queries. */

/** Both panes stand side by side from here on. */
export const WIDE = '(min-width: 1100px)';
/** Rows stack below this. */
export const NARROW = '(max-width: 719px)';

export const wide = `@media ${WIDE}`;
export const narrow = `@media ${NARROW}`;
