/** The page's icons: one stroke, one size, drawn here so that none has to be fetched. */

import type { ReactNode } from 'react';

const SHAPES = {
  clock: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 4.7V8l2.3 1.5" />
    </>
  ),
  running: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M6.6 5.6v4.8L10.4 8z" fill="currentColor" stroke="none" />
    </>
  ),
  retry: <path d="M13.2 6.2A5.6 5.6 0 1 0 13.6 9M13.6 3v3.4h-3.4" />,
  paused: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M6.5 6v4M9.5 6v4" />
    </>
  ),
  done: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="m5.3 8.2 1.9 1.9 3.6-4" />
    </>
  ),
  failed: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="m6 6 4 4m0-4-4 4" />
    </>
  ),
  skipped: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M4 12 12 4" />
    </>
  ),
  overdue: <path d="M8 2.2 14.4 13.4H1.6zM8 6.4v3.2M8 11.4v.2" />,
  dash: <path d="M5 8h6" />,
  edit: <path d="m10.6 2.9 2.5 2.5-7.3 7.3-3.2.7.7-3.2zM9 4.5 11.5 7" />,
  trash: <path d="M2.8 4.4h10.4M6.2 4.2V2.7h3.6v1.5M4.2 4.6l.6 8.7h6.4l.6-8.7M6.7 7v4M9.3 7v4" />,
  lines: <path d="M3 4.2h10M3 8h10M3 11.8h6" />,
  plus: <path d="M8 3v10M3 8h10" />,
  search: (
    <>
      <circle cx="7" cy="7" r="4.2" />
      <path d="m10.2 10.2 3.3 3.3" />
    </>
  ),
  close: <path d="m4 4 8 8m0-8-8 8" />,
  sun: (
    <>
      <circle cx="8" cy="8" r="2.8" />
      <path d="M8 1.6v1.6M8 12.8v1.6M1.6 8h1.6M12.8 8h1.6M3.5 3.5l1.1 1.1M11.4 11.4l1.1 1.1M12.5 3.5l-1.1 1.1M4.6 11.4l-1.1 1.1" />
    </>
  ),
  moon: <path d="M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8z" />,
  contrast: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor" stroke="none" />
    </>
  ),
  help: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M6.3 6.4a1.8 1.8 0 1 1 2.6 1.8c-.6.3-.9.6-.9 1.2M8 11.3v.2" />
    </>
  ),
  warning: <path d="M8 2.2 14.4 13.4H1.6zM8 6.4v3.2M8 11.4v.2" />,
  daily: (
    <path d="M3 7.2A5.2 5.2 0 0 1 12 4.4L13.4 6M13.6 2.8V6h-3.2M13 8.8a5.2 5.2 0 0 1-9 2.8L2.6 10M2.4 13.2V10h3.2" />
  ),
  copy: <path d="M6 6h7.2v7.2H6zM3.6 10H2.8V2.8H10v.8" />,
  up: <path d="M8 13V3.4M4 7.2 8 3.2l4 4" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof SHAPES;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      viewBox="0 0 16 16"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.4"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {SHAPES[name]}
    </svg>
  );
}
