/** Editing a task where it stands. Enter saves, Escape leaves; another's change is never lost. */

import { useEffect, useRef } from 'react';
import { styled } from 'styled-components';
import { useReplaceTaskMutation } from '@/api/duetimeApi';
import { asProblem, sentence } from '@/api/problem';
import type { Task } from '@/api/types';
import { useAppDispatch, useAppStore } from '@/app/hooks';
import { Button } from '@/components/controls';
import { Icon } from '@/components/Icon';
import { noticed } from '@/ui/notices';
import { serverNow } from '@/ui/now';
import {
  editDrafted,
  editEnded,
  editRebased,
  editRefused,
  guessOf,
  isChanged,
  wishOf,
  type Edit,
} from './drafts';
import { TaskFields } from './TaskFields';
import { useFocusOnProblem } from './TaskForm';
import { excerpt } from './wording';

const Form = styled.form`
  container-type: inline-size;
  padding: 12px 16px 10px;
  border-bottom: 1px solid var(--line);
  background: var(--chosen);
  box-shadow: inset 3px 0 0 var(--accent);
`;

const Conflict = styled.p`
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 6px 10px;
  margin-top: 6px;
  color: var(--warn);
`;

interface Props {
  edit: Edit;
  /** The task as the list has it now. */
  task: Task;
  /** Gives the focus back to the row. */
  onLeave: () => void;
}

export function TaskEditor({ edit, task, onLeave }: Props) {
  const dispatch = useAppDispatch();
  const store = useAppStore();
  const [replace] = useReplaceTaskMutation();
  const form = useRef<HTMLFormElement>(null);
  const { before, draft, problem } = edit;
  const wall = draft.wall ?? '';
  const overtaken = task.revision > before.revision;

  useEffect(() => {
    const field = document.getElementById('edit-description');
    if (field instanceof HTMLTextAreaElement) {
      field.focus();
      field.setSelectionRange(field.value.length, field.value.length);
    }
  }, []);
  useFocusOnProblem(form, problem);

  const leave = (): void => {
    dispatch(editEnded());
    onLeave();
  };

  const save = async (base: Task): Promise<void> => {
    if (!isChanged(draft, base)) {
      leave();
      return;
    }
    const wish = wishOf(draft, wall, base);
    const guess = guessOf(wish, base.id, serverNow(), base);
    leave();
    const answer = await replace({ wish, before: base, guess });
    const error = asProblem(answer.error);
    if (!error) {
      return;
    }
    const elsewhere = store.getState().drafts.edit !== null;
    const refused = editRefused({ before: base, draft, problem: error });
    if (error.kind === 'gone') {
      dispatch(
        noticed({
          id: `edit ${base.id}`,
          tone: 'error',
          text: `${excerpt(base.description)} was not saved: it has been deleted`,
        }),
      );
      return;
    }
    if (elsewhere) {
      dispatch(
        noticed({
          id: `edit ${base.id}`,
          tone: 'error',
          text: `${excerpt(base.description)} was not saved: ${sentence(error)}`,
          offer: { label: 'Edit', action: refused },
          stays: true,
        }),
      );
      return;
    }
    dispatch(refused);
  };

  return (
    <Form
      ref={form}
      noValidate
      aria-label={`Edit ${excerpt(before.description)}`}
      onSubmit={(event) => {
        event.preventDefault();
        void save(before);
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') {
          event.preventDefault();
          leave();
        }
        // The list's own keys do not act while someone edits.
        event.stopPropagation();
      }}
    >
      <TaskFields
        id="edit"
        draft={draft}
        wall={wall}
        problem={overtaken ? null : problem}
        onChange={(next) => {
          dispatch(editDrafted(next));
        }}
        onSubmit={() => void save(before)}
        actions={
          <>
            <Button type="button" onClick={leave}>
              Cancel
            </Button>
            <Button type="submit" $tone="primary" disabled={overtaken}>
              Save
            </Button>
          </>
        }
      />
      {overtaken && (
        <Conflict role="alert">
          <Icon name="warning" />
          <span>
            Someone changed this task meanwhile; it is now {excerpt(task.description)}, revision{' '}
            {task.revision}.
          </span>
          <Button
            type="button"
            onClick={() => {
              dispatch(editRebased(task));
              void save(task);
            }}
          >
            Save mine over it
          </Button>
          <Button type="button" $tone="quiet" onClick={leave}>
            Keep theirs
          </Button>
        </Conflict>
      )}
    </Form>
  );
}
