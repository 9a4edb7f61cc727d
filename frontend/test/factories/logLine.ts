/** Log lines as the API words them. */

import { at } from './task';

export interface LineParts {
  seconds?: number;
  description?: string;
  taskId?: string;
  message?: string;
}

export function logLine({
  seconds = -60,
  description = 'Water the plants',
  taskId = '01935c6e-0000-7000-8000-000000000001',
  message = 'ran, 4 ms late, took 1.2 ms',
}: LineParts = {}): string {
  return `${at(seconds)}  "${description}" (${taskId})  ${message}`;
}
