/** The themes in the order in which the switch goes through them. */

import type { IconName } from '@/components/Icon';
import type { Theme } from '@/ui/preferences';

export const THEMES: Record<Theme, { next: Theme; icon: IconName; words: string }> = {
  system: { next: 'light', icon: 'contrast', words: 'as your system has it' },
  light: { next: 'dark', icon: 'sun', words: 'light' },
  dark: { next: 'system', icon: 'moon', words: 'dark' },
};

export function nextTheme(theme: Theme): Theme {
  return THEMES[theme].next;
}
