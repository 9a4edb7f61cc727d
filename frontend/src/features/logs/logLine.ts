/**
 * A log line taken apart, so that its parts can stand where the eye looks for them. The API writes
 * lines as `2026-11-23T10:00:00.005Z  "Water the plants" (0192…)  ran, 4 ms late, took 1 ms`; one
 * that reads otherwise is shown as it stands.
 */

export type LineTone = 'good' | 'bad' | 'warn' | 'quiet';

export interface LogLine {
  at: string;
  description: string;
  taskId: string;
  message: string;
  tone: LineTone;
}

const LINE =
  /^(?<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) {2}"(?<description>.*?)" \((?<taskId>[0-9a-f-]{36})\) {2}(?<message>.*)$/s;

export function parseLine(line: string): LogLine | null {
  const parts = LINE.exec(line)?.groups;
  const { at, description, taskId, message } = parts ?? {};
  if (at === undefined || description === undefined || !taskId || message === undefined) {
    return null;
  }
  return { at, description, taskId, message, tone: toneOf(message) };
}

function toneOf(message: string): LineTone {
  if (message.startsWith('ran')) {
    return 'good';
  }
  if (message.startsWith('failed') || message.startsWith('timed out')) {
    return 'bad';
  }
  return message.includes('skipped') ? 'warn' : 'quiet';
}
