/** What every key does, and a switch for those who need their keys for something else. */

import { useEffect, useRef } from 'react';
import { styled } from 'styled-components';
import { IconButton, Kbd } from '@/components/controls';
import { Icon } from '@/components/Icon';
import { SHORTCUTS } from '@/components/shortcuts';
import { shortcutsSwitched } from '@/ui/preferences';
import { useAppDispatch, useAppSelector } from './hooks';

const Dialog = styled.dialog`
  width: min(680px, calc(100vw - 24px));
  max-height: calc(100dvh - 48px);
  padding: 18px 22px 20px;
  border: 0;
  border-radius: 10px;
  background: var(--raised);
  box-shadow: var(--shadow);
  color: var(--text);

  &::backdrop {
    background: rgb(10 12 16 / 45%);
  }
`;

const Top = styled.div`
  display: flex;
  align-items: center;
  justify-content: space-between;
  margin-bottom: 10px;

  h2 {
    font-size: 17px;
    font-weight: 600;
  }
`;

const Groups = styled.div`
  columns: 2 260px;
  column-gap: 32px;

  section {
    break-inside: avoid;
    margin-bottom: 14px;
  }

  h3 {
    margin-bottom: 4px;
    color: var(--text-soft);
    font-size: var(--size-small);
    font-weight: 500;
  }

  dl > div {
    display: flex;
    gap: 10px;
    align-items: baseline;
    padding: 3px 0;
  }

  dt {
    display: flex;
    flex: 0 0 92px;
    gap: 4px;
  }
`;

const Switch = styled.label`
  display: flex;
  gap: 8px;
  align-items: center;
  padding-top: 12px;
  border-top: 1px solid var(--line);
  cursor: pointer;

  input {
    width: 16px;
    height: 16px;
    margin: 0;
    accent-color: var(--accent-ground);
  }
`;

export default function HelpDialog({ onClose }: { onClose: () => void }) {
  const dispatch = useAppDispatch();
  const enabled = useAppSelector(({ preferences }) => preferences.shortcuts);
  const dialog = useRef<HTMLDialogElement>(null);
  const groups = [...new Set(SHORTCUTS.map(({ group }) => group))];

  useEffect(() => {
    dialog.current?.showModal();
  }, []);

  return (
    <Dialog
      ref={dialog}
      aria-labelledby="help-title"
      onClose={onClose}
      onClick={(event) => {
        // The backdrop is the dialog itself; whatever is in it is not.
        if (event.target instanceof HTMLDialogElement) {
          event.target.close();
        }
      }}
    >
      <Top>
        <h2 id="help-title">Keyboard</h2>
        <IconButton type="button" aria-label="Close" onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </IconButton>
      </Top>
      <Groups>
        {groups.map((group) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {SHORTCUTS.filter((shortcut) => shortcut.group === group).map((shortcut) => (
                <div key={shortcut.keys + shortcut.does}>
                  <dt>
                    {shortcut.keys.split(' ').map((key) => (
                      <Kbd key={key}>{key}</Kbd>
                    ))}
                    {'also' in shortcut && <Kbd>{shortcut.also}</Kbd>}
                  </dt>
                  <dd>{shortcut.does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </Groups>
      <Switch>
        <input
          type="checkbox"
          checked={enabled}
          onChange={(event) => dispatch(shortcutsSwitched(event.target.checked))}
        />
        Single keys act anywhere on the page
      </Switch>
    </Dialog>
  );
}
