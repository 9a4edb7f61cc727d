/** Registering a task: it is in the list at once, and comes back to the form when refused. */

import { useEffect, useRef, type ReactNode } from 'react';
import { styled } from 'styled-components';
import { useCreateTaskMutation } from '@/api/duetimeApi';
import { freshKey } from '@/api/http';
import { asProblem, sentence, type Problem, type WrongField } from '@/api/problem';
import { useAppDispatch, useAppSelector, useAppStore } from '@/app/hooks';
import { Button } from '@/components/controls';
import { Icon } from '@/components/Icon';
import { narrow } from '@/components/media';
import { relative } from '@/time/format';
import { viewerZone, wallClockOf } from '@/time/zones';
import { noticed } from '@/ui/notices';
import { serverNow, useNow } from '@/ui/now';
import { formOpened, freshDrafted, freshRefused, guessOf, wishOf, type Draft } from './drafts';
import { rowWanted } from './selection';
import { TaskFields } from './TaskFields';
import { excerpt, GUESS_PREFIX } from './wording';

const MINUTE_MS = 60_000;
/** An untouched time stands this far ahead: enough to type, soon enough to watch. */
const SUGGESTED_AHEAD_MS = 5 * MINUTE_MS;
export const FORM_ID = 'new-task';

const Form = styled.form<{ $open: boolean }>`
  container-type: inline-size;
  flex: none;
  padding: 12px 16px 8px;
  border-bottom: 1px solid var(--line);
  background: var(--surface);

  ${narrow} {
    ${({ $open }) => !$open && 'display: none;'}
  }
`;

const Picks = styled.div`
  display: flex;
  flex-wrap: wrap;
  gap: 4px;
  margin: 0 -8px;

  button {
    min-height: 26px;
    padding: 0 8px;
    font-size: var(--size-small);
  }
`;

function suggestedWall(now: number, zone: string): string {
  const ahead = Math.floor((now + SUGGESTED_AHEAD_MS) / MINUTE_MS) * MINUTE_MS;
  return wallClockOf(ahead, zone);
}

function tomorrowAtNine(now: number, zone: string): string {
  const [date = ''] = wallClockOf(now, zone).split('T');
  const next = new Date(Date.parse(`${date}T00:00:00Z`) + 24 * 60 * MINUTE_MS);
  return `${next.toISOString().slice(0, 10)}T09:00:00`;
}

/** What can be said without asking the API, in its words. */
function blankProblem(draft: Draft, wall: string): Problem | null {
  const errors: WrongField[] = [
    ...(draft.description.trim() === ''
      ? [{ field: 'description', reason: 'is empty', rule: 'Say what is to happen' }]
      : []),
    ...(wall === '' ? [{ field: 'time', reason: 'is missing', rule: '' }] : []),
  ];
  return errors.length === 0
    ? null
    : {
        kind: 'refused',
        status: null,
        title: '',
        detail: '',
        errors,
        retryAfterSeconds: null,
      };
}

export function TaskForm() {
  const dispatch = useAppDispatch();
  const store = useAppStore();
  const kept = useAppSelector(({ drafts }) => drafts.fresh);
  const problem = useAppSelector(({ drafts }) => drafts.freshProblem);
  const [create] = useCreateTaskMutation();
  const open = useAppSelector(({ drafts }) => drafts.formOpen);
  const form = useRef<HTMLFormElement>(null);

  const draft: Draft = kept ?? {
    description: '',
    wall: null,
    timezone: viewerZone(),
    recurring: false,
  };
  const suggestion = useNow((now) => suggestedWall(now, draft.timezone));
  const wall = draft.wall ?? suggestion;
  const change = (next: Draft): void => {
    dispatch(freshDrafted(next));
  };

  const close = (): void => {
    dispatch(formOpened(false));
  };
  useFocusOnProblem(form, problem);

  const submit = async (): Promise<void> => {
    const blank = blankProblem(draft, wall);
    if (blank) {
      dispatch(freshRefused({ draft, problem: blank }));
      return;
    }
    const wish = wishOf(draft, wall);
    const key = freshKey();
    const guess = guessOf(wish, GUESS_PREFIX + key, serverNow());
    dispatch(freshDrafted(null));
    close();
    const { data: task, error } = await create({ wish, key, guess });
    if (task) {
      const due = task.next_due_at;
      dispatch(
        noticed({
          id: `created ${task.id}`,
          tone: 'plain',
          text: `Added ${excerpt(task.description)}${due ? `, due ${relative(Date.parse(due), serverNow())}` : ''}`,
          offer: { label: 'Show', action: rowWanted(task.id) },
        }),
      );
      return;
    }
    const refused = asProblem(error);
    if (!refused) {
      return;
    }
    const { drafts, place } = store.getState();
    const typing = drafts.fresh !== null;
    if (typing || place.view !== 'tasks') {
      dispatch(
        noticed({
          id: `refused ${key}`,
          tone: 'error',
          text: `${excerpt(wish.description)} was not added: ${sentence(refused)}`,
          offer: { label: 'Edit', action: freshRefused({ draft, problem: refused }) },
          stays: true,
        }),
      );
    }
    if (!typing) {
      dispatch(freshRefused({ draft: { ...draft, wall }, problem: refused }));
    }
  };

  const pick = (label: string, wallAt: (now: number) => string): ReactNode => (
    <Button
      type="button"
      $tone="quiet"
      onClick={() => {
        change({ ...draft, wall: wallAt(serverNow()) });
      }}
    >
      {label}
    </Button>
  );

  return (
    <Form
      ref={form}
      id={FORM_ID}
      $open={open}
      noValidate
      aria-label="New task"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && !event.defaultPrevented) {
          close();
          if (event.target instanceof HTMLElement) {
            event.target.blur();
          }
        }
      }}
    >
      <TaskFields
        id={FORM_ID}
        draft={draft}
        wall={wall}
        problem={problem}
        onChange={change}
        onSubmit={() => void submit()}
        actions={
          <>
            {open && (
              <CloseOnNarrow type="button" onClick={close}>
                Cancel
              </CloseOnNarrow>
            )}
            <Button type="submit" $tone="primary">
              <Icon name="plus" /> Add task
            </Button>
          </>
        }
        aside={
          <Picks role="group" aria-label="Set the time to">
            {pick('In 10 s', (now) => wallClockOf(now + 10_000, draft.timezone))}
            {pick('In 1 min', (now) => wallClockOf(now + MINUTE_MS, draft.timezone))}
            {pick('In 1 h', (now) => wallClockOf(now + 60 * MINUTE_MS, draft.timezone))}
            {pick('Tomorrow 09:00', (now) => tomorrowAtNine(now, draft.timezone))}
          </Picks>
        }
      />
    </Form>
  );
}

const CloseOnNarrow = styled(Button)`
  display: none;

  ${narrow} {
    display: inline-flex;
  }
`;

/** A refusal takes the focus to the first field at fault. */
export function useFocusOnProblem(
  form: React.RefObject<HTMLElement | null>,
  problem: Problem | null,
): void {
  useEffect(() => {
    if (problem && problem.errors.length > 0) {
      form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
    }
  }, [form, problem]);
}
