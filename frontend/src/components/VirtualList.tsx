/**
 * A long list of which only what is in view is in the document. What a person looks at stays where
 * it is when rows come and go above it; at the top, new rows come into view.
 * Knows keys and heights; not what rows show.
 */

import {
  defaultRangeExtractor,
  useVirtualizer,
  type Range,
  type Virtualizer,
} from '@tanstack/react-virtual';
import {
  useCallback,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  type ComponentPropsWithRef,
  type ReactNode,
  type Ref,
} from 'react';
import { styled } from 'styled-components';

/** Rows beyond the edges of the view, so that a quick scroll shows no gap. */
const OVERSCAN_ROWS = 12;
/** Within this many pixels of the top the list counts as being there. */
const TOP_PX = 4;
/** How near its end the list asks for more, in rows. */
const NEAR_END_ROWS = 60;

const Scroller = styled.div`
  height: 100%;
  overflow-y: auto;
  overflow-x: hidden;
  /* Rows are anchored here; the browser's own anchoring would do it twice. */
  overflow-anchor: none;
  scrollbar-gutter: stable;
  scrollbar-width: thin;
  scrollbar-color: var(--line-strong) transparent;

  &:focus-visible {
    outline-offset: -2px;
  }
`;

const Canvas = styled.div`
  position: relative;
  width: 100%;
`;

const Slot = styled.div`
  position: absolute;
  top: 0;
  left: 0;
  width: 100%;
`;

export interface VirtualListHandle {
  show: (index: number) => void;
  toTop: () => void;
}

interface Props {
  keys: readonly string[];
  rowHeight: number;
  /** A row that stays in the document wherever the list is scrolled to; -1: none. */
  pinned?: number;
  render: (index: number) => ReactNode;
  onNearEnd?: () => void;
  onScrolled?: (awayFromTop: boolean) => void;
  scroller?: ComponentPropsWithRef<'div'> & { 'data-testid'?: string };
  canvas?: ComponentPropsWithRef<'div'>;
  /** What a row is to a screen reader, where rows do not say so themselves. */
  slotRole?: 'listitem' | 'presentation';
  footer?: ReactNode;
  handle?: Ref<VirtualListHandle>;
}

interface Anchor {
  key: string;
  /** How far the row's top is above the view's, in pixels. */
  above: number;
}

export function VirtualList({
  keys,
  rowHeight,
  pinned = -1,
  render,
  onNearEnd,
  onScrolled,
  scroller,
  canvas,
  slotRole = 'presentation',
  footer,
  handle,
}: Props) {
  const scrollerRef = useRef<HTMLDivElement>(null);
  const anchor = useRef<Anchor | null>(null);
  const rangeExtractor = useCallback(
    (range: Range) => {
      const rows = defaultRangeExtractor(range);
      return pinned < 0 || pinned >= range.count || rows.includes(pinned)
        ? rows
        : [...rows, pinned].sort((a, b) => a - b);
    },
    [pinned],
  );
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing here is memoized by React
  const virtualizer = useVirtualizer({
    count: keys.length,
    getScrollElement: () => scrollerRef.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => keys[index] ?? index,
    overscan: OVERSCAN_ROWS,
    rangeExtractor,
  });
  const rows = virtualizer.getVirtualItems();

  useLayoutEffect(() => {
    virtualizer.measure();
  }, [virtualizer, rowHeight]);

  useLayoutEffect(() => {
    const element = scrollerRef.current;
    if (!element || !anchor.current) {
      return;
    }
    const index = keys.indexOf(anchor.current.key);
    const start = index < 0 ? undefined : startOf(virtualizer, index);
    if (start !== undefined) {
      const wanted = start + anchor.current.above;
      if (Math.abs(element.scrollTop - wanted) > 1) {
        element.scrollTop = wanted;
      }
    }
  }, [keys, virtualizer]);

  const lastRow = rows.at(-1)?.index ?? 0;
  useLayoutEffect(() => {
    if (onNearEnd && lastRow >= keys.length - NEAR_END_ROWS) {
      onNearEnd();
    }
  }, [lastRow, keys.length, onNearEnd]);

  useImperativeHandle(
    handle,
    () => ({
      show: (index) => {
        virtualizer.scrollToIndex(index, { align: 'auto' });
      },
      toTop: () => {
        anchor.current = null;
        scrollerRef.current?.scrollTo({ top: 0 });
      },
    }),
    [virtualizer],
  );

  const scrolled = (): void => {
    const element = scrollerRef.current;
    if (!element) {
      return;
    }
    const away = element.scrollTop > TOP_PX;
    const row = away ? virtualizer.getVirtualItemForOffset(element.scrollTop) : undefined;
    const key = row && keys[row.index];
    anchor.current =
      row && key !== undefined ? { key, above: element.scrollTop - row.start } : null;
    onScrolled?.(away);
  };

  return (
    <Scroller {...scroller} ref={scrollerRef} onScroll={scrolled}>
      <Canvas {...canvas} style={{ height: virtualizer.getTotalSize() }}>
        {rows.map((row) => (
          <Slot
            key={row.key}
            role={slotRole}
            data-index={row.index}
            ref={virtualizer.measureElement}
            style={{ transform: `translateY(${row.start}px)` }}
          >
            {render(row.index)}
          </Slot>
        ))}
      </Canvas>
      {footer}
    </Scroller>
  );
}

function startOf(
  virtualizer: Virtualizer<HTMLDivElement, Element>,
  index: number,
): number | undefined {
  return virtualizer.getOffsetForIndex(index, 'start')?.[0];
}
