/** The API's documents by their names here; their shapes are generated from the OpenAPI document. */

import type { components } from './schema.gen';

type Schemas = components['schemas'];

export type Task = Schemas['TaskAnswer'];
export type TaskStatus = Task['status'];
export type LastRun = Schemas['LastRunAnswer'];
export type Outcome = Schemas['Outcome'];
export type SkipCause = Schemas['SkipCause'];
export type Run = Schemas['RunAnswer'];
export type FieldError = Schemas['FieldErrorAnswer'];

/** The fields by which a person registers or changes a task; `time` may be naive. */
export type TaskWish = Pick<Schemas['TaskBody'], 'description' | 'time' | 'recurring'> & {
  timezone: string;
};
