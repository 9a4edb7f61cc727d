/** A search box that hands on what is typed once typing pauses. */

import { useEffect, useRef, useState } from 'react';
import { styled } from 'styled-components';
import { IconButton, Input } from './controls';
import { Icon } from './Icon';

/** Shorter than a pause between words, longer than one between letters. */
const PAUSE_MS = 150;

const Frame = styled.div`
  position: relative;
  flex: 1 1 160px;
  min-width: 0;
  max-width: 320px;

  > svg {
    position: absolute;
    top: calc(50% - 8px);
    left: 9px;
    color: var(--text-soft);
    pointer-events: none;
  }

  input {
    padding-inline: 32px;
  }

  input::-webkit-search-cancel-button {
    display: none;
  }

  button {
    position: absolute;
    top: calc(50% - 15px);
    right: 2px;
  }
`;

interface Props {
  id: string;
  label: string;
  value: string;
  onChange: (text: string) => void;
}

export function SearchField({ id, label, value, onChange }: Props) {
  const [typed, setTyped] = useState(value);
  const [seen, setSeen] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  // The value may change from outside: a cleared filter, a step back in the history.
  if (seen !== value) {
    setSeen(value);
    setTyped(value);
  }
  useEffect(
    () => () => {
      clearTimeout(timer.current);
    },
    [],
  );

  const change = (text: string, pauseMs: number): void => {
    setTyped(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      onChange(text);
    }, pauseMs);
  };

  return (
    <Frame>
      <Icon name="search" />
      <Input
        id={id}
        type="search"
        autoComplete="off"
        spellCheck={false}
        aria-label={label}
        placeholder={label}
        value={typed}
        onChange={(event) => {
          change(event.target.value, PAUSE_MS);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && typed !== '') {
            event.preventDefault();
            change('', 0);
          }
        }}
      />
      {typed !== '' && (
        <IconButton
          type="button"
          aria-label={`Clear: ${label}`}
          onClick={() => {
            change('', 0);
            document.getElementById(id)?.focus();
          }}
        >
          <Icon name="close" />
        </IconButton>
      )}
    </Frame>
  );
}
