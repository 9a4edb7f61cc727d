/** A part of the page with a title, a bar of controls and what they control. */

import { styled } from 'styled-components';
import { narrow } from './media';

export const Pane = styled.section`
  display: flex;
  flex-direction: column;
  min-width: 0;
  min-height: 0;
  height: 100%;
  background: var(--surface);
  position: relative;
`;

export const PaneBar = styled.div`
  display: flex;
  flex: none;
  flex-wrap: wrap;
  gap: 6px 12px;
  align-items: center;
  min-height: 50px;
  padding: 7px 12px 7px 16px;
  border-bottom: 1px solid var(--line);

  ${narrow} {
    padding: 8px 12px 4px;
  }
`;

export const PaneTitle = styled.h2`
  display: flex;
  gap: 8px;
  align-items: baseline;
  font-size: var(--size-title);
  font-weight: 600;

  span {
    min-width: 2ch;
    color: var(--text-soft);
    font-size: var(--size-small);
    font-weight: 400;
  }
`;
