/**
 * What went wrong with a request, in one shape, whatever went wrong: a refusal (RFC 9457), a server
 * that answers something else, or no answer at all. Knows words for people; not where they are shown.
 */

import { isAxiosError } from 'axios';
import type { FieldError } from './types';

/** What is wrong with one field, and what is allowed. */
export interface WrongField {
  field: FieldError['field'];
  reason: string;
  rule: string;
  suggestion?: string;
}

export interface Problem {
  /**
   * refused: the request breaks a rule; conflict: someone else changed the task; gone: there is no
   * such task; unavailable: ask again later; unreachable: nobody answered; broken: a fault.
   */
  kind: 'refused' | 'conflict' | 'gone' | 'unavailable' | 'unreachable' | 'broken';
  status: number | null;
  title: string;
  detail: string;
  errors: WrongField[];
  retryAfterSeconds: number | null;
}

const UNREACHABLE: Problem = {
  kind: 'unreachable',
  status: null,
  title: 'The API does not answer',
  detail: 'the API does not answer',
  errors: [],
  retryAfterSeconds: null,
};

function kindOf(status: number): Problem['kind'] {
  switch (status) {
    case 404:
    case 410:
      return 'gone';
    case 409:
    case 412:
      return 'conflict';
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
      return 'unavailable';
    default:
      return status < 500 ? 'refused' : 'broken';
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}

function errorsOf(value: unknown): WrongField[] {
  if (!Array.isArray(value)) {
    return [];
  }
  return value.filter(isRecord).map((error) => ({
    field: textOf(error.field, 'body'),
    reason: textOf(error.reason, 'is wrong'),
    rule: textOf(error.rule, ''),
    ...(typeof error.suggestion === 'string' && { suggestion: error.suggestion }),
  }));
}

/** Gives the problem behind whatever a request threw. */
export function problemOf(fault: unknown): Problem {
  if (!isAxiosError(fault) || !fault.response) {
    return UNREACHABLE;
  }
  const { status, headers } = fault.response;
  const body: unknown = fault.response.data;
  const told = isRecord(body) ? body : {};
  const title = textOf(told.title, `The API answered ${status}`);
  const retryAfter = Number(headers['retry-after']);
  return {
    kind: kindOf(status),
    status,
    title,
    detail: textOf(told.detail, title),
    errors: errorsOf(told.errors),
    retryAfterSeconds: Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : null,
  };
}

/** Gives the problem that a failed query or mutation left, if it is one. */
export function asProblem(error: unknown): Problem | null {
  return isRecord(error) && 'kind' in error && 'detail' in error
    ? (error as unknown as Problem)
    : null;
}

/** A problem as the end of a sentence: `the change was not written: the disk is full`. */
export function sentence(problem: Problem): string {
  const [first] = problem.errors;
  return first ? fieldSentence(first) : problem.detail;
}

/** What is wrong with a field, and what is allowed. */
export function fieldSentence(error: WrongField): string {
  const near = error.suggestion ? ` Did you mean ${error.suggestion}?` : '';
  return `${error.field} ${error.reason}.${near}`;
}

/** What went wrong with a query, as a sentence of its own. */
export function said(error: unknown): string {
  const text = asProblem(error)?.detail ?? 'something went wrong in this page';
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
