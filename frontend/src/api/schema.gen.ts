// Generated from docs/openapi.json by `npm run generate`. Not written by hand.

export interface paths {
    "/tasks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List tasks: waiting ones by next due, then finished ones */
        get: operations["listTasks"];
        put?: never;
        /** Register a task */
        post: operations["createTask"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/tasks/logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List what happened, one line per run, newest first */
        get: operations["listLogLines"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/tasks/batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Register many tasks at once, each by itself */
        post: operations["createTasks"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/tasks/{task_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Give a task as it stands */
        get: operations["getTask"];
        /** Replace the plain fields of a task; what the body does not name stays */
        put: operations["replaceTask"];
        post?: never;
        /** Delete a task: no occurrence of it starts any more */
        delete: operations["deleteTask"];
        options?: never;
        head?: never;
        /** Change some fields of a task (JSON merge patch, RFC 7396) */
        patch: operations["patchTask"];
        trace?: never;
    };
    "/tasks/{task_id}/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the runs of one task, newest first */
        get: operations["listRunsOfTask"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the runs of all tasks, newest first */
        get: operations["listRuns"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Follow what changes, as it happens (server-sent events) */
        get: operations["followEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * BatchTaskBody
         * @description A task of a batch; its own key makes a repeat safe.
         * @example {
         *       "description": "Water the plants",
         *       "recurring": false,
         *       "time": "2030-01-31T09:30:00Z"
         *     }
         */
        BatchTaskBody: {
            /**
             * Description
             * @description `description` is text of 1 to 1,000 characters, not blank, without control characters but newline and tab
             */
            description: string;
            /**
             * Time
             * @description `time` is an ISO 8601 date and time such as 2030-01-31T09:30:00Z, 2030-01-31T09:30:00+02:00 or 2030-01-31T09:30 (read in `timezone`)
             */
            time: string;
            /**
             * Recurring
             * @description `recurring` is true (every day at the same time) or false, without quotes
             */
            recurring: boolean;
            /**
             * Timezone
             * @description `timezone` is a name of the IANA time zone database such as Europe/Berlin
             * @default UTC
             */
            timezone: string;
            /**
             * @description `recurrence` is {"rule": "daily"} or null
             * @default null
             */
            recurrence: components["schemas"]["DailyRule"] | null;
            /**
             * Action
             * @description `action` is {"type": "log"} or {"type": "python", "name": …, "args": {…}}
             * @default {
             *       "type": "log"
             *     }
             */
            action: components["schemas"]["LogActionBody"] | components["schemas"]["PythonActionBody"];
            /**
             * Timeout Seconds
             * @description `timeout_seconds` is a number from 0.001 to 86400
             * @default 30
             */
            timeout_seconds: number;
            /**
             * Idempotency Key
             * @default
             */
            idempotency_key: string;
        };
        /**
         * DailyRule
         * @description Every day at the wall-clock time at which `time` stands in `timezone`.
         */
        DailyRule: {
            /**
             * Rule
             * @constant
             */
            rule: "daily";
        };
        /**
         * FieldErrorAnswer
         * @description What is wrong with one part of a request.
         */
        FieldErrorAnswer: {
            /** Field */
            field: string;
            /** Reason */
            reason: string;
            /** Rule */
            rule: string;
            /** Pointer */
            pointer?: string;
            /** Parameter */
            parameter?: string;
            /** Header */
            header?: string;
            /** Suggestion */
            suggestion?: string;
        } & {
            [key: string]: unknown;
        };
        /**
         * LastRunAnswer
         * @description What the newest record about a task's runs says.
         */
        LastRunAnswer: {
            /** Run Id */
            run_id: string | null;
            /**
             * Nominal At
             * Format: date-time
             * @description UTC, RFC 3339
             */
            nominal_at: string;
            /**
             * Due At
             * Format: date-time
             * @description UTC, RFC 3339
             */
            due_at: string;
            /** Started At */
            started_at: string | null;
            /** Finished At */
            finished_at: string | null;
            outcome: components["schemas"]["Outcome"] | null;
            /** Lateness Seconds */
            lateness_seconds: number | null;
            /** Error */
            error: string | null;
            skipped: components["schemas"]["SkipCause"] | null;
        };
        /**
         * LogActionBody
         * @description Nothing but the record that the task ran.
         */
        LogActionBody: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "log";
        };
        /**
         * Outcome
         * @description How an attempt ended.
         * @enum {string}
         */
        Outcome: "succeeded" | "failed" | "timed_out" | "cancelled";
        /**
         * ProblemAnswer
         * @description RFC 9457: what went wrong, and what about it.
         */
        ProblemAnswer: {
            /**
             * Type
             * @description a stable URI reference that names the kind
             */
            type: string;
            /** Title */
            title: string;
            /** Status */
            status: number;
            /** Detail */
            detail: string;
            /**
             * Errors
             * @default []
             */
            errors: components["schemas"]["FieldErrorAnswer"][];
        } & {
            [key: string]: unknown;
        };
        /**
         * PythonActionBody
         * @description Call a Python function that is registered with Duetime.
         */
        PythonActionBody: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "python";
            /** Name */
            name: string;
            /**
             * Args
             * @description keyword arguments
             * @default {}
             */
            args: {
                [key: string]: unknown;
            };
        };
        /**
         * RefusedAnswer
         * @description A task of a batch that is not registered, with the problem it would be by itself.
         */
        RefusedAnswer: {
            /** Status */
            status: number;
            /**
             * Idempotency Key
             * @default
             */
            idempotency_key: string;
            problem: components["schemas"]["ProblemAnswer"];
        };
        /**
         * RegisteredAnswer
         * @description A task of a batch that is registered.
         */
        RegisteredAnswer: {
            /**
             * Status
             * @constant
             */
            status: 201;
            /** Id */
            id: string;
            /**
             * Idempotency Key
             * @description its key, or one made up
             */
            idempotency_key: string;
            /**
             * Replayed
             * @description whether the key was used before
             */
            replayed: boolean;
        };
        /**
         * RunAnswer
         * @description A run that ended, or a stretch of occurrences that did not run (`skipped` says why).
         */
        RunAnswer: {
            /** Id */
            id: string;
            /** Task Id */
            task_id: string;
            /** Description */
            description: string;
            /** Revision */
            revision: number;
            kind: components["schemas"]["RunKind"];
            /** Attempt */
            attempt: number;
            outcome: components["schemas"]["Outcome"] | null;
            /** Nominal At */
            nominal_at: string | null;
            /**
             * Due At
             * Format: date-time
             * @description UTC, RFC 3339
             */
            due_at: string;
            /** Accepted At */
            accepted_at: string | null;
            /** Started At */
            started_at: string | null;
            /**
             * Finished At
             * Format: date-time
             * @description UTC, RFC 3339
             */
            finished_at: string;
            /** Lateness Seconds */
            lateness_seconds: number | null;
            /** Duration Seconds */
            duration_seconds: number | null;
            /** Action */
            action: string | null;
            /** Executor */
            executor: string | null;
            /** Result */
            result: string | null;
            /** Error */
            error: string | null;
            skipped: components["schemas"]["SkipCause"] | null;
            /** Skipped By */
            skipped_by: string | null;
            /** Last Due At */
            last_due_at: string | null;
            /** Count */
            count: number | null;
        };
        /**
         * RunKind
         * @description Why a run exists.
         * @enum {string}
         */
        RunKind: "scheduled" | "triggered" | "backfill";
        /**
         * SkipCause
         * @description Why an occurrence, or a stretch of them, did not run (P5).
         * @enum {string}
         */
        SkipCause: "missed" | "overlapped" | "paused" | "limit" | "calendar" | "unreadable";
        /**
         * TaskAnswer
         * @description A task as it stands. `time` is what was registered and never moves; see `next_due_at`.
         */
        TaskAnswer: {
            /** Id */
            id: string;
            /** Description */
            description: string;
            /**
             * Time
             * Format: date-time
             * @description UTC, RFC 3339
             */
            time: string;
            /** Recurring */
            recurring: boolean;
            /** Timezone */
            timezone: string;
            recurrence: components["schemas"]["DailyRule"] | null;
            /** Action */
            action: components["schemas"]["LogActionBody"] | components["schemas"]["PythonActionBody"];
            /** Timeout Seconds */
            timeout_seconds: number;
            /**
             * Status
             * @enum {string}
             */
            status: "scheduled" | "running" | "waiting" | "paused" | "finished" | "overdue" | "deleted";
            /** Next Due At */
            next_due_at: string | null;
            last_run: components["schemas"]["LastRunAnswer"] | null;
            /** Revision */
            revision: number;
            /**
             * Created At
             * Format: date-time
             * @description UTC, RFC 3339
             */
            created_at: string;
            /**
             * Updated At
             * Format: date-time
             * @description UTC, RFC 3339
             */
            updated_at: string;
        };
        /**
         * TaskBody
         * @description A task as a request says it. Fields of a task's answer may be carried back.
         * @example {
         *       "description": "Water the plants",
         *       "recurring": false,
         *       "time": "2030-01-31T09:30:00Z"
         *     }
         */
        TaskBody: {
            /**
             * Description
             * @description `description` is text of 1 to 1,000 characters, not blank, without control characters but newline and tab
             */
            description: string;
            /**
             * Time
             * @description `time` is an ISO 8601 date and time such as 2030-01-31T09:30:00Z, 2030-01-31T09:30:00+02:00 or 2030-01-31T09:30 (read in `timezone`)
             */
            time: string;
            /**
             * Recurring
             * @description `recurring` is true (every day at the same time) or false, without quotes
             */
            recurring: boolean;
            /**
             * Timezone
             * @description `timezone` is a name of the IANA time zone database such as Europe/Berlin
             * @default UTC
             */
            timezone: string;
            /**
             * @description `recurrence` is {"rule": "daily"} or null
             * @default null
             */
            recurrence: components["schemas"]["DailyRule"] | null;
            /**
             * Action
             * @description `action` is {"type": "log"} or {"type": "python", "name": …, "args": {…}}
             * @default {
             *       "type": "log"
             *     }
             */
            action: components["schemas"]["LogActionBody"] | components["schemas"]["PythonActionBody"];
            /**
             * Timeout Seconds
             * @description `timeout_seconds` is a number from 0.001 to 86400
             * @default 30
             */
            timeout_seconds: number;
        };
        /**
         * TaskPatch
         * @description Fields to change; null puts one back to its default.
         */
        TaskPatch: {
            /**
             * Description
             * @description `description` is text of 1 to 1,000 characters, not blank, without control characters but newline and tab
             */
            description?: string;
            /**
             * Time
             * @description `time` is an ISO 8601 date and time such as 2030-01-31T09:30:00Z, 2030-01-31T09:30:00+02:00 or 2030-01-31T09:30 (read in `timezone`)
             */
            time?: string;
            /**
             * Recurring
             * @description `recurring` is true (every day at the same time) or false, without quotes
             */
            recurring?: boolean;
            timezone?: string | null;
            recurrence?: Record<string, never> | null;
            action?: Record<string, never> | null;
            timeout_seconds?: number | null;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listTasks: {
        parameters: {
            query?: {
                /** @description `status` is one of scheduled, running, waiting, paused, finished, overdue; it may come more than once */
                status?: ("scheduled" | "running" | "waiting" | "paused" | "finished" | "overdue")[];
                /** @description tasks whose description holds this, whatever its case. `q` is text of 1 to 200 characters */
                q?: string;
                /** @description tasks that are next due at or after then; it is an ISO 8601 date and time such as 2030-01-31T09:30:00Z (UTC if it is bare; a + stands for a space in a URL: write %2B) */
                due_from?: string;
                /** @description tasks that are next due before then; it is an ISO 8601 date and time such as 2030-01-31T09:30:00Z (UTC if it is bare; a + stands for a space in a URL: write %2B) */
                due_to?: string;
                /** @description how many at most; 1,000 if absent. `limit` is a whole number from 1 to 10,000 */
                limit?: number;
                /** @description where to go on, as the Link header of the page before gave it */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a page of tasks; with filters it may be short, or empty, and yet lead on */
            200: {
                headers: {
                    /** @description the next page as `rel="next"`, where there is more */
                    Link?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskAnswer"][];
                };
            };
            /** @description A parameter or header of the request breaks a rule (`/problems/invalid-parameters`) */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The read models cannot be reached (`/problems/read-models-unavailable`) */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
        };
    };
    createTask: {
        parameters: {
            query?: never;
            header?: {
                /** @description repeats under the same key register one task. `Idempotency-Key` is 1 to 255 visible ASCII characters, no spaces */
                "Idempotency-Key"?: string;
                /** @description `respond-async`: answer once the change is durable, before it can be read */
                Prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TaskBody"];
            };
        };
        responses: {
            /** @description the task as it was registered */
            201: {
                headers: {
                    /** @description the task's revision, as a strong entity tag */
                    ETag?: string;
                    /** @description the task's path */
                    Location?: string;
                    /** @description the request's key, or one made up: a repeat with it is safe */
                    "Idempotency-Key"?: string;
                    /** @description `true` where an earlier request had registered the task */
                    "Idempotency-Replayed"?: string;
                    /** @description `false` where a read may not show the change yet; else absent */
                    "Duetime-Visible"?: string;
                    /** @description `respond-async` where that was asked for */
                    "Preference-Applied"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskAnswer"];
                };
            };
            /** @description The body is not the JSON that is taken here (`/problems/malformed-json`) */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The body did not arrive in time (`/problems/request-incomplete`) */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The body is too large (`/problems/body-too-large`) */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The body is of a type that is not taken here (`/problems/unsupported-media-type`) */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description A field of the request breaks a rule (`/problems/invalid-fields`); A parameter or header of the request breaks a rule (`/problems/invalid-parameters`); The Idempotency-Key belongs to another request (`/problems/idempotency-key-reused`) */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description More tasks come in than can be scheduled (`/problems/timers-behind`) */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description Duetime failed at this request (`/problems/internal`) */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The read models cannot be reached (`/problems/read-models-unavailable`); The change could not be written (`/problems/log-unavailable`); Nobody can say yet whether the change was written (`/problems/outcome-unknown`) */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
        };
    };
    listLogLines: {
        parameters: {
            query?: {
                /** @description how many at most; 1,000 if absent. `limit` is a whole number from 1 to 10,000 */
                limit?: number;
                /** @description where to go on, as the Link header of the page before gave it */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a page of lines */
            200: {
                headers: {
                    /** @description the next page as `rel="next"`, where there is more */
                    Link?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string[];
                };
            };
            /** @description A parameter or header of the request breaks a rule (`/problems/invalid-parameters`) */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The read models cannot be reached (`/problems/read-models-unavailable`) */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
        };
    };
    createTasks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BatchTaskBody"][];
            };
        };
        responses: {
            /** @description some are not; what became of each, in order */
            200: {
                headers: {
                    /** @description `false` where a read may not show the change yet; else absent */
                    "Duetime-Visible"?: string;
                    /** @description `respond-async` where that was asked for */
                    "Preference-Applied"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": (components["schemas"]["RegisteredAnswer"] | components["schemas"]["RefusedAnswer"])[];
                };
            };
            /** @description all are registered; what became of each, in order */
            201: {
                headers: {
                    /** @description `false` where a read may not show the change yet; else absent */
                    "Duetime-Visible"?: string;
                    /** @description `respond-async` where that was asked for */
                    "Preference-Applied"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RegisteredAnswer"][];
                };
            };
            /** @description The body is not the JSON that is taken here (`/problems/malformed-json`) */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The body did not arrive in time (`/problems/request-incomplete`) */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The body is too large (`/problems/body-too-large`) */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The body is of a type that is not taken here (`/problems/unsupported-media-type`) */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description A field of the request breaks a rule (`/problems/invalid-fields`); A parameter or header of the request breaks a rule (`/problems/invalid-parameters`) */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description There is no room for a further batch (`/problems/too-many-batches`); More tasks come in than can be scheduled (`/problems/timers-behind`) */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description Duetime failed at this request (`/problems/internal`) */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The read models cannot be reached (`/problems/read-models-unavailable`) */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
        };
    };
    getTask: {
        parameters: {
            query?: never;
            header?: {
                /** @description entity tags that ETag gave: 304 without a body where one still holds */
                "If-None-Match"?: string;
            };
            path: {
                /** @description the task's id */
                task_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the task */
            200: {
                headers: {
                    /** @description the task's revision, as a strong entity tag */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskAnswer"];
                };
            };
            /** @description the task is as the caller has it */
            304: {
                headers: {
                    /** @description the task's revision, as a strong entity tag */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description There is no such task (`/problems/unknown-task`) */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description A parameter or header of the request breaks a rule (`/problems/invalid-parameters`) */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The read models are behind (`/problems/not-visible-yet`); The read models cannot be reached (`/problems/read-models-unavailable`) */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
        };
    };
    replaceTask: {
        parameters: {
            query?: never;
            header?: {
                /** @description change the task only at this revision. `If-Match` is * or entity tags such as "3", as ETag gave them */
                "If-Match"?: string;
                /** @description `respond-async`: answer once the change is durable, before it can be read */
                Prefer?: string;
            };
            path: {
                /** @description the task's id */
                task_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TaskBody"];
            };
        };
        responses: {
            /** @description the task after the change */
            200: {
                headers: {
                    /** @description the task's revision, as a strong entity tag */
                    ETag?: string;
                    /** @description `false` where a read may not show the change yet; else absent */
                    "Duetime-Visible"?: string;
                    /** @description `respond-async` where that was asked for */
                    "Preference-Applied"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskAnswer"];
                };
            };
            /** @description durable; whether the condition held is not known yet */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The body is not the JSON that is taken here (`/problems/malformed-json`) */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description There is no such task (`/problems/unknown-task`) */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The body did not arrive in time (`/problems/request-incomplete`) */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The task is at another revision (`/problems/revision-mismatch`) */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The body is too large (`/problems/body-too-large`) */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The body is of a type that is not taken here (`/problems/unsupported-media-type`) */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description A field of the request breaks a rule (`/problems/invalid-fields`); A parameter or header of the request breaks a rule (`/problems/invalid-parameters`) */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description Duetime failed at this request (`/problems/internal`) */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The read models are behind (`/problems/not-visible-yet`); The read models cannot be reached (`/problems/read-models-unavailable`); The change could not be written (`/problems/log-unavailable`); Nobody can say yet whether the change was written (`/problems/outcome-unknown`) */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
        };
    };
    deleteTask: {
        parameters: {
            query?: never;
            header?: {
                /** @description change the task only at this revision. `If-Match` is * or entity tags such as "3", as ETag gave them */
                "If-Match"?: string;
                /** @description `respond-async`: answer once the change is durable, before it can be read */
                Prefer?: string;
            };
            path: {
                /** @description the task's id */
                task_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description durable; whether the condition held is not known yet */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description the task is gone */
            204: {
                headers: {
                    /** @description `false` where a read may not show the change yet; else absent */
                    "Duetime-Visible"?: string;
                    /** @description `respond-async` where that was asked for */
                    "Preference-Applied"?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description There is no such task (`/problems/unknown-task`) */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The task is at another revision (`/problems/revision-mismatch`) */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description A parameter or header of the request breaks a rule (`/problems/invalid-parameters`) */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description Duetime failed at this request (`/problems/internal`) */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The read models are behind (`/problems/not-visible-yet`); The read models cannot be reached (`/problems/read-models-unavailable`); The change could not be written (`/problems/log-unavailable`); Nobody can say yet whether the change was written (`/problems/outcome-unknown`) */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
        };
    };
    patchTask: {
        parameters: {
            query?: never;
            header?: {
                /** @description change the task only at this revision. `If-Match` is * or entity tags such as "3", as ETag gave them */
                "If-Match"?: string;
                /** @description `respond-async`: answer once the change is durable, before it can be read */
                Prefer?: string;
            };
            path: {
                /** @description the task's id */
                task_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/merge-patch+json": components["schemas"]["TaskPatch"];
                "application/json": components["schemas"]["TaskPatch"];
            };
        };
        responses: {
            /** @description the task after the change */
            200: {
                headers: {
                    /** @description the task's revision, as a strong entity tag */
                    ETag?: string;
                    /** @description `false` where a read may not show the change yet; else absent */
                    "Duetime-Visible"?: string;
                    /** @description `respond-async` where that was asked for */
                    "Preference-Applied"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TaskAnswer"];
                };
            };
            /** @description durable; whether the condition held is not known yet */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The body is not the JSON that is taken here (`/problems/malformed-json`) */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description There is no such task (`/problems/unknown-task`) */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The body did not arrive in time (`/problems/request-incomplete`) */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description Others kept changing the task (`/problems/edit-conflict`) */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The task is at another revision (`/problems/revision-mismatch`) */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The body is too large (`/problems/body-too-large`) */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The body is of a type that is not taken here (`/problems/unsupported-media-type`) */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description A field of the request breaks a rule (`/problems/invalid-fields`); A parameter or header of the request breaks a rule (`/problems/invalid-parameters`) */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description Duetime failed at this request (`/problems/internal`) */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The read models are behind (`/problems/not-visible-yet`); The read models cannot be reached (`/problems/read-models-unavailable`); The change could not be written (`/problems/log-unavailable`); Nobody can say yet whether the change was written (`/problems/outcome-unknown`) */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
        };
    };
    listRunsOfTask: {
        parameters: {
            query?: {
                /** @description how many at most; 1,000 if absent. `limit` is a whole number from 1 to 10,000 */
                limit?: number;
                /** @description where to go on, as the Link header of the page before gave it */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description the task's id */
                task_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a page of runs */
            200: {
                headers: {
                    /** @description the next page as `rel="next"`, where there is more */
                    Link?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunAnswer"][];
                };
            };
            /** @description There is no such task (`/problems/unknown-task`) */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description A parameter or header of the request breaks a rule (`/problems/invalid-parameters`) */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The read models are behind (`/problems/not-visible-yet`); The read models cannot be reached (`/problems/read-models-unavailable`) */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
        };
    };
    listRuns: {
        parameters: {
            query?: {
                /** @description how many at most; 1,000 if absent. `limit` is a whole number from 1 to 10,000 */
                limit?: number;
                /** @description where to go on, as the Link header of the page before gave it */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a page of runs */
            200: {
                headers: {
                    /** @description the next page as `rel="next"`, where there is more */
                    Link?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunAnswer"][];
                };
            };
            /** @description A parameter or header of the request breaks a rule (`/problems/invalid-parameters`) */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The read models cannot be reached (`/problems/read-models-unavailable`) */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
        };
    };
    followEvents: {
        parameters: {
            query?: never;
            header?: {
                /** @description the id of the last event that was taken: what came after it is told first */
                "Last-Event-ID"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a stream: `task` with `{"type": "task", "task": …}`, `task_deleted` with `{"type": "task_deleted", "id": …}`, `run` with `{"type": "run", "run": …, "line": …}`, the shapes as GET gives them; `reset` with `{"type": "reset"}`: fetch the lists anew, something may have been missed. A comment every 15 s */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description A parameter or header of the request breaks a rule (`/problems/invalid-parameters`) */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
            /** @description The stream of events cannot be had now (`/problems/events-unavailable`) */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemAnswer"];
                };
            };
        };
    };
}
