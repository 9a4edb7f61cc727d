/** The fields of a task, for registering and for editing, with what the draft means in words. */

import { useMemo, useState, type ReactNode } from 'react';
import { styled } from 'styled-components';
import type { Problem } from '@/api/problem';
import { fieldSentence } from '@/api/problem';
import { Coded } from '@/components/Code';
import { Input, Label, Select, TextArea } from '@/components/controls';
import { Icon } from '@/components/Icon';
import { longInstant, relative, timeOfDay } from '@/time/format';
import { allZones, resolveWallClock, viewerZone, type Resolved } from '@/time/zones';
import { useNow } from '@/ui/now';
import type { Draft } from './drafts';

const Grid = styled.div`
  display: grid;
  grid-template-columns: minmax(0, 1fr) 218px 168px auto auto;
  gap: 8px 10px;
  align-items: end;

  @container (max-width: 860px) {
    grid-template-columns: minmax(0, 1.2fr) minmax(0, 1fr) auto auto;

    > :first-child {
      grid-column: 1 / -1;
    }
  }

  @container (max-width: 600px) {
    grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);

    > :nth-child(2),
    > :nth-child(3) {
      grid-column: 1 / -1;
    }

    > :last-child {
      grid-column: 2;
    }
  }
`;

const Check = styled.label`
  display: flex;
  align-items: center;
  gap: 7px;
  min-height: var(--control);
  padding: 0 4px;
  white-space: nowrap;
  cursor: pointer;

  input {
    width: 16px;
    height: 16px;
    margin: 0;
    accent-color: var(--accent-ground);
  }
`;

const Actions = styled.div`
  display: flex;
  gap: 6px;
  justify-content: flex-end;
`;

const Notes = styled.div`
  display: flex;
  flex-wrap: wrap;
  align-items: baseline;
  justify-content: space-between;
  gap: 2px 16px;
  min-height: 27px;
  padding-top: 6px;
  color: var(--text-soft);
  font-size: var(--size-small);
  line-height: 18px;
`;

const Errors = styled.ul`
  color: var(--bad);

  li {
    display: flex;
    gap: 6px;
  }

  svg {
    flex: none;
    margin-top: 1px;
  }
`;

interface Props {
  /** Prefix of the fields' element ids. */
  id: string;
  draft: Draft;
  /** The time to show: the draft's own or the suggestion. */
  wall: string;
  problem: Problem | null;
  onChange: (draft: Draft) => void;
  onSubmit: () => void;
  actions: ReactNode;
  /** At the end of the line below the fields. */
  aside?: ReactNode;
}

export function TaskFields({
  id,
  draft,
  wall,
  problem,
  onChange,
  onSubmit,
  actions,
  aside,
}: Props) {
  const notes = `${id}-notes`;
  const invalid = (field: string) =>
    problem?.errors.some((error) => error.field === field)
      ? { 'aria-invalid': true, 'aria-describedby': notes }
      : { 'aria-describedby': notes };
  return (
    <>
      <Grid>
        <div>
          <Label htmlFor={`${id}-description`}>What is to happen</Label>
          <TextArea
            id={`${id}-description`}
            rows={1}
            placeholder="Water the plants"
            value={draft.description}
            {...invalid('description')}
            onChange={(event) => {
              onChange({ ...draft, description: event.target.value });
            }}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
                event.preventDefault();
                onSubmit();
              }
            }}
          />
        </div>
        <div>
          <Label htmlFor={`${id}-time`}>When</Label>
          <Input
            id={`${id}-time`}
            type="datetime-local"
            step={1}
            value={wall}
            {...invalid('time')}
            onChange={(event) => {
              onChange({ ...draft, wall: event.target.value });
            }}
          />
        </div>
        <div>
          <Label htmlFor={`${id}-timezone`}>In the time zone</Label>
          <ZoneSelect
            id={`${id}-timezone`}
            value={draft.timezone}
            attributes={invalid('timezone')}
            onChange={(timezone) => {
              onChange({ ...draft, timezone });
            }}
          />
        </div>
        <Check>
          <input
            id={`${id}-recurring`}
            type="checkbox"
            checked={draft.recurring}
            {...invalid('recurring')}
            onChange={(event) => {
              onChange({ ...draft, recurring: event.target.checked });
            }}
          />
          Every day
        </Check>
        <Actions>{actions}</Actions>
      </Grid>
      <Notes>
        <div id={notes}>
          {problem ? <ProblemLines problem={problem} /> : <Meaning wall={wall} draft={draft} />}
        </div>
        {aside}
      </Notes>
    </>
  );
}

function ProblemLines({ problem }: { problem: Problem }) {
  return (
    <Errors>
      {problem.errors.length === 0 ? (
        <li>
          <Icon name="warning" />
          <span>Not saved: {problem.detail}.</span>
        </li>
      ) : (
        problem.errors.map((error) => (
          <li key={error.field}>
            <Icon name="warning" />
            <span>
              <strong>{fieldSentence(error)}</strong> <Coded text={error.rule} />
              {error.rule && '.'}
            </span>
          </li>
        ))
      )}
    </Errors>
  );
}

/** What the draft means: the instant with its zone, how far away, what a transition does to it. */
function Meaning({ wall, draft }: { wall: string; draft: Draft }) {
  const { timezone, recurring } = draft;
  const resolved = useMemo(() => resolveWallClock(wall, timezone), [wall, timezone]);
  const away = useNow((now) => (resolved ? relative(resolved.instant, now) : ''));
  if (!resolved) {
    return <span>Say when: a date and a time of day.</span>;
  }
  const mine = viewerZone();
  const elsewhere = timezone !== mine;
  return (
    <span>
      {recurring ? `Every day at ${timeOfDay(resolved.instant, timezone)}, first ` : 'Once, '}
      {longInstant(resolved.instant, timezone)} ({away})
      {elsewhere && `; for you ${longInstant(resolved.instant, mine)}`}
      {transitionNote(resolved)}
    </span>
  );
}

function transitionNote({ kind }: Resolved): string {
  switch (kind) {
    case 'exact':
      return '';
    case 'skipped':
      return '. The clocks skip this time that day: it runs when they go forward';
    case 'repeated':
      return '. The clocks show this time twice that day: it runs the first time';
  }
}

interface ZoneSelectProps {
  id: string;
  value: string;
  attributes: Record<string, string | boolean>;
  onChange: (zone: string) => void;
}

function ZoneSelect({ id, value, attributes, onChange }: ZoneSelectProps) {
  const near = [...new Set([viewerZone(), 'UTC', value])];
  // Four hundred zones are put in when someone is about to choose, not before.
  const [wanted, setWanted] = useState(false);
  const want = (): void => {
    setWanted(true);
  };
  return (
    <Select
      id={id}
      value={value}
      {...attributes}
      onFocus={want}
      onPointerDown={want}
      onChange={(event) => {
        onChange(event.target.value);
      }}
    >
      <optgroup label="Near at hand">
        <Zones zones={near} />
      </optgroup>
      {wanted && (
        <optgroup label="All">
          <Zones zones={allZones()} />
        </optgroup>
      )}
    </Select>
  );
}

function Zones({ zones }: { zones: readonly string[] }) {
  return zones.map((zone) => (
    <option key={zone} value={zone}>
      {zone.replaceAll('_', ' ')}
    </option>
  ));
}
