/** Buttons and fields. Targets are at least 28 px, borders and text keep the AA contrasts. */

import { styled, css } from 'styled-components';
import { narrow } from './media';

const pressable = css`
  display: inline-flex;
  align-items: center;
  justify-content: center;
  gap: 6px;
  border-radius: var(--radius);
  cursor: pointer;
  white-space: nowrap;
  transition: background-color 120ms;

  &:disabled {
    cursor: default;
    opacity: 0.55;
  }
`;

export const Button = styled.button<{ $tone?: 'primary' | 'plain' | 'quiet' }>`
  ${pressable}
  min-height: var(--control);
  padding: 0 12px;
  font-weight: 500;

  ${({ $tone }) =>
    $tone === 'primary'
      ? css`
          border: 1px solid transparent;
          background: var(--accent-ground);
          color: var(--on-accent);

          &:hover:not(:disabled) {
            background: var(--accent-hover);
          }
        `
      : $tone === 'quiet'
        ? css`
            border: 1px solid transparent;
            background: transparent;
            color: var(--accent);

            &:hover:not(:disabled) {
              background: var(--hover);
            }
          `
        : css`
            border: 1px solid var(--line-strong);
            background: var(--surface);

            &:hover:not(:disabled) {
              background: var(--hover);
            }
          `}
`;

export const IconButton = styled.button`
  ${pressable}
  width: 30px;
  height: 30px;
  flex: none;
  padding: 0;
  border: 0;
  background: transparent;
  color: var(--text-soft);

  &:hover:not(:disabled) {
    background: var(--line);
    color: var(--text);
  }
`;

const field = css`
  width: 100%;
  height: var(--control);
  padding: 0 10px;
  border: 1px solid var(--line-strong);
  border-radius: var(--radius);
  background: var(--surface);
  color: var(--text);

  &::placeholder {
    color: var(--text-soft);
    opacity: 1;
  }

  &:focus-visible {
    outline-offset: -1px;
  }

  &[aria-invalid='true'] {
    border-color: var(--bad);
    box-shadow: inset 0 0 0 1px var(--bad);
  }

  ${narrow} {
    height: 40px;
    /* Smaller text makes phones zoom in on focus. */
    font-size: 16px;
  }
`;

export const Input = styled.input`
  ${field}
`;

export const Select = styled.select`
  ${field}
  text-overflow: ellipsis;
`;

export const TextArea = styled.textarea`
  ${field}
  display: block;
  height: auto;
  min-height: var(--control);
  padding-block: 6px;
  resize: none;
  field-sizing: content;
  max-height: 140px;
  line-height: 20px;

  ${narrow} {
    height: auto;
    min-height: 40px;
    padding-block: 9px;
  }
`;

export const Label = styled.label`
  display: block;
  margin-bottom: 3px;
  color: var(--text-soft);
  font-size: var(--size-small);
  font-weight: 500;
`;

export const Kbd = styled.kbd`
  display: inline-block;
  min-width: 22px;
  padding: 1px 6px;
  border: 1px solid var(--line-strong);
  border-bottom-width: 2px;
  border-radius: 4px;
  background: var(--surface);
  font-size: var(--size-small);
  text-align: center;
`;

export const VisuallyHidden = styled.span`
  position: absolute;
  width: 1px;
  height: 1px;
  margin: -1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
`;
