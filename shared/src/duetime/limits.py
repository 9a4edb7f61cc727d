"""Every bound in Duetime, with its arithmetic.

Knows numbers and the reason for each; imports nothing.
Units stand at the end of each name. Relations between bounds are asserted in the tests.
"""

from typing import Final

# --- the promise -------------------------------------------------------------------------------
LATENESS_SECONDS_MAX: Final = 10.0  # P2: every occurrence starts within this, whatever dies
CHANGE_WINS_SECONDS: Final = 1.0  # P4: a change acknowledged this long before due decides
# How the promise outlives a `kill -9`: until others work in its place. The rest is for the start.
TAKE_OVER_SECONDS_MAX: Final = LATENESS_SECONDS_MAX - 1.5  # four looks at what may have changed
TAKE_OVER_DETECT_SECONDS_MAX: Final = 6.0  # no shorter session is allowed by brokers as they come
TAKE_OVER_REJOIN_SECONDS_MAX: Final = 1.0  # to hear of the round, and a round that was missed
TAKE_OVER_READY_SECONDS_MAX: Final = (
    TAKE_OVER_SECONDS_MAX - TAKE_OVER_DETECT_SECONDS_MAX - TAKE_OVER_REJOIN_SECONDS_MAX
)  # 1.5: to fence, to see the end of what was under way, to read the rest, and a tick

# --- the log -----------------------------------------------------------------------------------
PARTITIONS_DEFAULT: Final = 12  # divides evenly over 1, 2, 3, 4, 6 and 12 processes
PARTITIONS_EMBEDDED: Final = 4  # one process: enough to keep the parts honest, cheap to poll
RECORD_BYTES_MAX: Final = 512 * 1024  # twice the body limit: a definition travels whole
APPEND_RECORDS_MAX: Final = 10_000  # one batch registration
INBOX_RECORDS_MAX: Final = 300  # of a partition, then it is paused: 5 MB of twelve as objects
POLL_RECORDS_MAX: Final = 2_000  # about 20 ms of folding at 10 us a record
POLL_WAIT_SECONDS_MAX: Final = 1.0  # a tenth of the 10 s promise
APPEND_WAIT_SECONDS_MAX: Final = 5.0  # half of the promise; after it the outcome is unknown
GROUP_COMMIT_RECORDS_MAX: Final = 256  # rows that share one sync
LOG_RECENT_RECORDS_MAX: Final = (
    2_048  # per partition of a topic, kept in memory for readers at the end
)
LOG_QUEUE_REQUESTS_MAX: Final = 10_000  # appends that wait for the writer; one more is refused
LOG_QUEUE_BYTES_MAX: Final = 64 * 1024 * 1024  # the same in memory: four of the largest batches
LOG_RECENT_BYTES_MAX: Final = 2 * 1024 * 1024  # the same records at 1 KiB each
LOG_READ_BYTES_MAX: Final = 4 * 1024 * 1024  # one read from disk: about 2,000 records at 2 KiB
LOG_ROW_BYTES_MAX: Final = (
    256 * 1024
)  # records in one row of the disk: half a millisecond to decode
LOG_PRUNE_ROWS_MAX: Final = 64  # rows removed by one step, so that appends wait some ms at most
LOG_HANDOVER_SECONDS_MAX: Final = (
    5.0  # an owner that does not poll is passed over: half the promise
)
VOID_AFTER_SECONDS: Final = 60.0  # an event appended this long after its ce_time is a stuck retry

# --- Kafka -------------------------------------------------------------------------------------
KAFKA_SESSION_SECONDS: Final = TAKE_OVER_DETECT_SECONDS_MAX  # leaves 4 s of the promise
KAFKA_HEARTBEAT_SECONDS: Final = (
    TAKE_OVER_REJOIN_SECONDS_MAX / 2
)  # a rebalance is learnt of within it; two rounds in a second
KAFKA_REBALANCE_SECONDS: Final = 6.0  # a member that does not rejoin is passed over, as if dead
KAFKA_REQUEST_SECONDS_MAX: Final = 5.0  # one request; its outcome is then unknown
KAFKA_GROUP_REQUEST_SECONDS_MAX: Final = 12.0  # joining waits for a rebalance and a first delay
KAFKA_START_SECONDS_MAX: Final = 10.0  # to connect, and to fence; Kafka itself retries within it
KAFKA_STOP_SECONDS_MAX: Final = 2.0  # aiokafka's stop can hang: then its tasks are cancelled
KAFKA_COMMIT_SECONDS_MAX: Final = 1.0  # a group's position is a saving, not worth a longer wait
KAFKA_VISIBLE_SECONDS_MAX: Final = 1.0  # marks follow a commit within milliseconds, or never
KAFKA_RETRY_SECONDS: Final = 0.02  # a transaction waits so long for the markers of the one before
KAFKA_TRANSACTION_SECONDS_MAX: Final = (
    10.0  # twice a commit's bound; until then it holds readers up
)
KAFKA_TOKEN_SECONDS_MAX: Final = 2 * KAFKA_REQUEST_SECONDS_MAX  # to connect, and to be answered
KAFKA_TOKEN_SPARE_SECONDS: Final = 60.0  # renewed so long before its end: a minute of no answers
KAFKA_TOKEN_SPARE_SHARE: Final = 0.2  # and of a short one a fifth: most of it is used
KAFKA_TOKEN_AGAIN_SECONDS: Final = 1.0  # who gives no token is asked once a second, not by everyone
KAFKA_TOKEN_BYTES_MAX: Final = 64 * 1024  # of an answer; a token is one or two KiB
KAFKA_TOKEN_REASON_CHARS_MAX: Final = 200  # of what a refusal says, in one line of the log
KAFKA_BATCH_BYTES_MAX: Final = 1_000_000  # below the brokers' default of 1,048,588 for a batch
KAFKA_FETCH_WAIT_SECONDS: Final = 0.1  # how late a partition joins a fetch already on its way
KAFKA_GATHERED_BYTES: Final = 256 * 1024  # a fetch that brought so much need not wait for company
KAFKA_FETCH_BYTES_MAX: Final = 4 * 1024 * 1024  # one answer: four partitions' worth
KAFKA_PARTITION_FETCH_BYTES_MAX: Final = 1024 * 1024  # about 1,400 records of 700 bytes
LAG_TOLD_SECONDS: Final = 5.0  # so old is the lag that monitors see; 12 partitions: 2.4 commits/s
LAG_TOLD_LAST_SECONDS_MAX: Final = 0.1  # at a hand-over: ten times a commit, a hundredth of P2
GATHER_SECONDS: Final = 0.025  # records that follow others wait so for company: 40 polls a second
KAFKA_READ_RESTS_MAX: Final = 12  # partly read fetches kept, 1 MiB each: one for each partition

# --- tasks -------------------------------------------------------------------------------------
DESCRIPTION_CHARS_MAX: Final = 1_000  # travels in every run, so it stays a line or two
PAST_SECONDS_MAX: Final = 60.0  # a time further back than this is a mistake, not a late request
FUTURE_YEARS_MAX: Final = 100  # beyond it a time is a typing error
RECENT_EVENT_IDS_MAX: Final = 8  # duplicates arrive close behind their original
MARKER_SECONDS: Final = 600.0  # ten times VOID_AFTER_SECONDS: no late create can resurrect a task
SKIPPED_COUNT_MAX: Final = 1_000  # counting a skipped stretch stops here
RETENTION_SECONDS: Final = 30 * 24 * 3600.0  # finished tasks, runs and markers in the read models
ACTION_TIMEOUT_SECONDS_DEFAULT: Final = 30.0  # longer than a healthy call, shorter than a lease
ACTION_TIMEOUT_SECONDS_MAX: Final = 24 * 3600.0  # a run longer than a day is a service, not a run
SUMMARY_BYTES_MAX: Final = 4_096  # result or error of a run, as it travels in TaskExecuted

# --- timer -------------------------------------------------------------------------------------
TICK_SECONDS: Final = 0.25  # transactions cost, not records: at most four bookkeeping ones a second
LOOKAHEAD_SECONDS: Final = 10.0  # TaskDue leaves so early: 100,000 at one instant are all out
URGENT_SECONDS: Final = 1.0  # due sooner than this, a decision does not wait for its tick
AHEAD_RUNS_MAX: Final = 10_000  # out ahead per partition: about 10 MB of held runs
AHEAD_RUNS_EMBEDDED: Final = 30_000  # of four partitions: as many as of twelve
TICK_SECONDS_MIN: Final = 0.05  # work due sooner wakes a partition at once, but not more often
STATES_PER_DECISION_MAX: Final = 5_000  # about 3 MB of folded states, while catching up
DUE_PER_DECISION_MAX: Final = 1_000  # about 1 MB of TaskDue and state in one transaction
DUE_PER_DECISION_EMBEDDED: Final = 200  # some 5 ms of the loop that starts runs as well
REDELIVER_SECONDS: Final = 30.0  # three times the promise: an open run unheard of is emitted again
REDELIVER_SECONDS_MAX: Final = 600.0  # the wait doubles up to here
# A target that hangs for an hour at 100 due a second has 360,000 runs waiting in the end: at one
# look in five minutes each they cost 1,200 records a second, an eighth of what the log bears.
DEFER_SECONDS_MAX: Final = 300.0
DUE_WINDOW_TASKS_MAX: Final = 1_024  # in memory per partition: 0.5 MB; the rest is on disk
DUE_LOAD_TASKS_MAX: Final = 1_000  # read from disk at once, in about 2 ms: one decision's worth
DUE_FRESH_TASKS_MAX: Final = 2_048  # changed and not on disk yet: 2 MB a partition
DUE_FRESH_SETTLED_MAX: Final = 512  # of those: ended, or waiting for longer than runs are out
DUE_FRESH_TASKS_BLOCKED_MAX: Final = 8 * DUE_FRESH_TASKS_MAX  # while the disk takes none
DUE_FLUSH_AGAIN_SECONDS: Final = 1.0  # as often the disk is asked then
INDEX_SETTLE_SECONDS: Final = 200.0  # a standby looks at the log every INDEX_REFRESH_SECONDS
DUE_READS_KEPT_MAX: Final = 2_000  # states read in a tick and likely to be written in it
DUE_AHEAD_KEPT_MAX: Final = 8_192  # states of runs that are out: LOOKAHEAD_SECONDS at 800 a second
DUE_CACHE_BYTES: Final = 8 * 1024 * 1024  # blocks, indexes and filters of the whole process
DUE_WRITE_BUFFER_BYTES: Final = 4 * 1024 * 1024  # twice that: one fills while one is written
DUE_FILES_PER_MERGE: Final = 8  # of like size; each more is one more to look into
DUE_OPEN_FILES_MAX: Final = 64  # 64 MB each: 10 million tasks are some 40 files
INDEX_AGE_SECONDS_MAX: Final = 1_800.0  # half of the tombstones' hour: older may resurrect a task
INDEX_REFRESH_SECONDS: Final = 225.0  # an eighth of it: seven looks at the log may fail
FOLD_STEP_RECORDS: Final = 200  # of tasks and executions, some 4 ms; then what is due may leave
FOLD_SHARED_RECORDS: Final = 60  # where somebody goes first: of four partitions 5 ms of a turn
STANDBY_GATHER_SECONDS: Final = (
    TAKE_OVER_READY_SECONDS_MAX / 6
)  # 0.25: a take-over reads what came meanwhile, some hundred records
STANDBY_WAIT_SECONDS_MAX: Final = 8.0  # while others are behind: a burst's dispatch and its starts
STANDBY_BEHIND_SECONDS: Final = 10.0  # then it reads partition by partition, not the tail
INDEX_ADVANCE_SECONDS: Final = 10.0  # what wakes meanwhile is stepped over in 5 ms at a take-over
PASSED_OVER_MAX: Final = 100  # of a partition: read again one by one at a take-over, in 0.5 s
FOLD_FAR_RECORDS: Final = 20_000  # behind the end of one partition: then the slices are larger
FOLD_FAR_RECORDS_MAX: Final = 4_000  # of one partition in a slice of 40 ms: timers work ahead
FOLD_RECORDS_MAX: Final = 500  # of the changelog in one slice: 5 ms at 10 us a record
RESTORES_AT_ONCE_MAX: Final = 3  # long ways through the changelog: one reads while others fold
CLOCK_REREAD_SECONDS: Final = 0.2  # waiting re-reads the wall clock at least this often

# --- executor ----------------------------------------------------------------------------------
FRESH_SECONDS: Final = CHANGE_WINS_SECONDS - 0.1  # how long before a start it knows all changes
FRESH_ASK_SECONDS: Final = 0.25  # so three answers may be lost before a start has to wait
FRESH_OLD_SECONDS: Final = 3.0  # half a session: nobody asked for so long, who may be no owner now
FRESH_SHARE_SECONDS: Final = 0.05  # lanes of one process share an answer this young
CHANGES_REMEMBERED_MAX: Final = 50_000  # per partition, about 10 MB; beyond it they are read again
FORGOTTEN_PER_COMMIT_MAX: Final = 2_000  # runs, some 3 ms; a partition ends fewer in a second
STEP_RECORDS_MAX: Final = 100  # held, or written, in one slice of some 1 ms; starts come between
HELD_RUNS_MAX: Final = 50_000  # per partition; beyond it the partition is paused, for memory only
STARTED_AFTER_SECONDS: Final = 1.0  # a run alive by then gets a TaskStarted; most never need one
LEASE_SECONDS: Final = 30.0  # how long a TaskStarted speaks for its run
LEASE_RENEW_SECONDS: Final = 10.0  # a third of the lease: two renewals may fail
LIMIT_STEP_SECONDS: Final = 0.05  # limits of a second and more pass in steps: 20 wake-ups a second
ALARM_GAP_SECONDS: Final = 0.002  # between rings: what comes due within it starts together
CONCURRENCY_DEFAULT: Final = 1_000  # runs alive at once in one executor
TARGETS_HANGING_MAX: Final = 10  # so many may hang at once before slots are short: a tenth each
TARGET_RUNS_MIN: Final = 10  # unless slots are few: then one target may have as many, or all
TARGET_QUICK_SECONDS: Final = 0.25  # a target whose runs end so soon may have more of them
TARGET_PATIENCE_SECONDS: Final = 2.0  # a fifth of the promise; then a run goes back for a while
TARGET_LOOK_SECONDS: Final = 0.25  # between two looks at those that wait for one target
# A lane that is short of time looks a few times, from its alarm and its steps, before what it
# started has ended; a target that takes 100 ms is looked at a hundred times meanwhile.
TARGET_LOOKS: Final = 8
TARGET_LOOKED_SECONDS_MAX: Final = 1.0  # a lane that is idle looks seldom: then time counts
DEFER_SECONDS: Final = 2.0  # how long the first time; doubles up to DEFER_SECONDS_MAX
PASSED_PER_STEP_MAX: Final = 1_000  # runs put aside for their target in one step: some 2 ms
OUTCOMES_PER_APPEND_MAX: Final = 1_000  # one bookkeeping append; the next one takes the rest
BOOKS_BURST_STARTS: Final = 400  # of one executor in BOOKS_SECONDS: 8,000 a second; books wait
BOOKS_CROWD_SECONDS: Final = 0.2  # while due runs wait for their target: five long turns of a loop
BOOKS_CROWD_STARTS: Final = 160  # in it, 800 a second; books wait
BOOKS_WAIT_SECONDS_MAX: Final = 5.0  # so long at most: a burst's starts
BOOKS_SECONDS: Final = 0.05  # ends wait for company, 20 appends a second; a kill repeats them
PYTHON_THREADS_MAX: Final = 64  # threads for synchronous python actions
# A quarter: a function that hangs, also past its timeout, leaves three quarters to others.
PYTHON_THREADS_PER_FUNCTION_MAX: Final = 16

# --- projector and read models -----------------------------------------------------------------
FLUSH_RECORDS_MAX: Final = 2_000  # events folded into the read models by one write
FLUSH_RECORDS_EMBEDDED: Final = 200  # some 3 ms of the loop that has all else to do
FLUSH_SECONDS_EMBEDDED: Final = 0.001  # views.db is not synced: a write costs less than a wait
RUNS_FLUSH_SECONDS_EMBEDDED: Final = 0.1  # nobody waits for a run to be seen as for a write
FLUSH_SECONDS: Final = 0.05  # MongoDB, where tasks changed: the api waits to see them
RUNS_FLUSH_SECONDS: Final = 0.5  # MongoDB, where only runs came: two writes a second
VIEWS_LOOK_SECONDS: Final = 5.0  # an idle partition learns within it that its views were lost
PAGE_ITEMS_DEFAULT: Final = 1_000  # lists without `limit`
PAGE_ITEMS_MAX: Final = 10_000  # about 6 MB of answer
FILTER_READ_TASKS: Final = 1_000  # read at once to be judged by a filter: 5 ms at 5 us a task
FILTER_TASKS_JUDGED_MAX: Final = 10_000  # for one page: 50 ms; its cursor leads on behind them
STORE_QUEUE_REQUESTS_MAX: Final = 10_000  # per thread of views.db: a second of look-ups at 0.1 ms
STORE_WRITES_PER_COMMIT_MAX: Final = 64  # flushes that share a transaction; one is in flight mostly
STORE_CHUNK_DOCUMENTS_MAX: Final = 200  # decoded in about 1 ms, for which the loop has to wait
STORE_WAIT_SECONDS_MAX: Final = 10.0  # a flush takes milliseconds: then the disk has stopped
PRUNE_EVERY_SECONDS: Final = 60.0  # a day's tasks in 1,440 parts: nobody notices any of them
PRUNED_PER_STEP_MAX: Final = 1_000  # some 50 ms of deleting, then the ends are looked at again
MONGO_SELECT_SECONDS_MAX: Final = 2.0  # finding a primary; an election takes longer, so try again
MONGO_READ_SECONDS_MAX: Final = 2.0  # a page of 10,000 takes 0.3 s; the asker has a 503 to answer
MONGO_WRITE_SECONDS_MAX: Final = 10.0  # a flush of 2,000 takes 0.2 s, over a slow link 1 s
MONGO_PREPARE_SECONDS_MAX: Final = 60.0  # indexes: nothing at most starts, a pass over all at one
MONGO_POOL_CONNECTIONS_MAX: Final = 50  # per process: 50 reads at 1 ms are 50,000 a second
MONGO_POLL_SECONDS: Final = 0.02  # between looks at the positions while someone waits: 50 a second
MONGO_BATCH_DOCUMENTS: Final = 500  # read in one piece: some 4 ms to decode, then the loop may turn
MONGO_SMALL_DOCUMENTS_MAX: Final = 50  # of changes somebody waits for: 5 ms, beside larger calls
MONGO_TOGETHER_DOCUMENTS_MAX: Final = 2_000  # of several partitions, read or written as one
MONGO_TOGETHER_AT_ONCE_MAX: Final = 3  # such at once, in a burst: one is written, two packed
MONGO_ABSENT_MAX: Final = 20_000  # ids not found, kept until they are written: 2 MB
MONGO_REMERGES_MAX: Final = 5  # a document that changes under us so often has too many writers
REBUILD_PAUSE_SECONDS: Final = 0.01  # a fifth of FLUSH_SECONDS: often enough to be ahead once
GENERATION_SECONDS_MAX: Final = 1.0  # readers learn within this that a rebuild took over
GENERATION_LINGER_SECONDS: Final = 10.0  # the replaced stay: 1 s to notice, 2 s a read, spare
# A task lives a week longer than it must: until then an event that was not projected yet may
# bring it back, and a projector that is away for a week is noticed.
EXPIRY_GRACE_SECONDS: Final = 7 * 24 * 3600.0

# --- api ---------------------------------------------------------------------------------------
VISIBLE_WAIT_SECONDS: Final = 1.0  # how long a write waits to be seen before it answers
ADMITTED_BATCH_SECONDS: Final = 2.0  # the timers further behind: batches wait, a fifth of P2
ADMITTED_SECONDS: Final = 4.0  # single registrations too, so that folding ends well within P2
# A take-over leaves timers behind for seconds without any flood. So many events of a partition are
# folded within 50 ms when it ends; refusing them would help nobody.
ADMITTED_EVENTS: Final = 500
ADMISSION_LOOK_SECONDS: Final = 0.25  # between two looks at positions, while tasks come in
ADMISSION_YOUNG_SECONDS: Final = 1.0  # nobody asks whether events this young are folded yet
ADMISSION_STEPS_BACK: Final = (2, 500, 10_000)  # offsets before the end of the changelog
# Half of what the timer remembers the dead for: a change is decided on nothing older than it, the
# change is void 60 s later, and the timer has the rest to read it.
STALE_SECONDS_MAX: Final = MARKER_SECONDS / 2
OUTCOME_RECORDS_MAX: Final = 2_000  # between a look and an append: 0.2 s of a partition at its most
PATCH_MERGES_MAX: Final = 4  # once, and three times again
QUERY_TEXT_CHARS_MAX: Final = 200  # what a person types to find a description of 1,000
BODY_BYTES_MAX: Final = 256 * 1024  # a definition with its arguments, with room to spare
BATCH_BODY_BYTES_MAX: Final = 16 * 1024 * 1024  # 10,000 tasks of 1.6 kB
BATCH_TASKS_MAX: Final = APPEND_RECORDS_MAX  # one append
BATCH_SLICE_TASKS: Final = 800  # some 4 ms at 5 us a task in one of its steps, then a turn
BATCH_READ_TASKS: Final = 50  # about 3 ms at 60 us a task where each takes a closer look
BATCHES_AT_ONCE_MAX: Final = 2  # each holds some 80 MB: its body, its tasks, its records
HEAD_BYTES_MAX: Final = 64 * 1024  # a target and headers: sixteen times a browser's cookies
JSON_DEPTH_MAX: Final = 32  # no honest body nests deeper; parsers recurse
IDEMPOTENCY_KEY_CHARS_MAX: Final = 255  # what other APIs allow
BODY_WAIT_SECONDS_MAX: Final = 10.0  # 256 KiB at 26 kB/s; a slower sender holds nothing of ours
RETRY_AFTER_SECONDS: Final = 1  # what a 503 asks for: about what a full queue needs to drain
CURSOR_CHARS_MAX: Final = 1_000  # a cursor is two keys of a list
EVENTS_SUBSCRIBERS_MAX: Final = 200  # open pages of one api; each costs some 0.1 ms a flush
EVENTS_QUEUE_BYTES_MAX: Final = 1024 * 1024  # about 1,000 tasks that a client has not taken
EVENTS_FLUSH_RECORDS_MAX: Final = 500  # told together: 10 ms to render, in slices
EVENTS_FLUSH_SECONDS: Final = 0.1  # between two tellings: live to the eye, ten renders a second
EVENTS_RESUME_RECORDS_MAX: Final = 10_000  # about 10 MB: from there on fetching anew costs less
EVENTS_RESUME_SECONDS_MAX: Final = 3_600.0  # a closed laptop; what the log prunes is far older
EVENTS_SEND_SECONDS_MAX: Final = 30.0  # two heartbeats that a client's socket does not take
EVENTS_RETRY_MILLISECONDS: Final = 1_000  # how long a browser waits before it comes back
HEARTBEAT_SECONDS: Final = 15.0  # below the minute after which proxies close a silent connection
STORE_AWAY_PAUSE_SECONDS: Final = 0.25  # between questions to read models that are away or behind
LOG_LINES_QUEUED_MAX: Final = 10_000  # about 5 MB of log lines that wait to be written
RENDER_ITEMS_PER_SLICE: Final = 100  # about 2 ms at 20 us an item, then the loop may turn

CLOCK_STEP_SECONDS: Final = 1.0  # ten times the stated NTP bound: beyond it the clock was set
CLOCK_DOUBT_SECONDS: Final = 5.0  # how long a forward step is doubted: half of the promise

HANDOVER_SECONDS_MAX: Final = 2.5  # a second to see what goes on, the rest to write it down
AFTERWARDS_SECONDS_MAX: Final = 6.0  # with the hand-over and leaving the group within a drain

# --- one process -------------------------------------------------------------------------------
PRECEDENCE_SECONDS_MAX: Final = 5.0  # read models wait no longer for a flood or for a timer
SWITCH_SECONDS_EMBEDDED: Final = 0.0005  # a thread of the databases holds up the loop no longer

ALLOCATOR_ARENAS_MAX: Final = 2  # the loop's and one for all other threads: they allocate little
ALLOCATOR_KEPT_BYTES_MAX: Final = 2 * 1024 * 1024  # above a fetch, whose pages would come anew
GARBAGE_SECONDS: Final = 0.1  # between looks at what is new: some thousand objects in 1 ms
GARBAGE_LOOKS: Final = (20, 3_000)  # at the last two seconds' 5 ms; at all, 50 ms, in five minutes
TRIM_LOOKS: Final = 100  # every ten seconds what is free goes back, in 3 ms at most

# --- life cycle --------------------------------------------------------------------------------
PART_LOOK_SECONDS: Final = 2.0  # /readyz tells of a broker or database that is away within this
PART_ANSWER_SECONDS_MAX: Final = 6.0  # a request and its bound: then it counts as away
DRAIN_SECONDS_MAX: Final = 10.0  # SIGTERM to exit, in-flight runs included
STOP_SECONDS: Final = 2.0  # beside the drain: writing down what ended in its last moment
START_SECONDS_MAX: Final = 60.0  # a service that is not ready by then says why and ends
