import type { LucideIcon } from 'lucide-react';
import { CopyPlus, FileUp, Trash2 } from 'lucide-react';
import type { ReactNode } from 'react';
import { useCallback, useMemo, useState } from 'react';
import type { Environment } from '../../../contract/environments.ts';
import type { ProblemData } from '../../../contract/problem.ts';
import { problemOf } from '../../app/problem.ts';
import { navigate, sectionLink } from '../../app/router.ts';
import { useServices } from '../../app/services.tsx';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { TextField } from '../../ui/field.tsx';
import type { MenuItem } from '../../ui/menu.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { saveFile } from '../../ui/save-file.ts';

/** A file name out of a person's words. */
export const fileNameOf = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60) || 'environment';

const item = (title: string, icon: LucideIcon, onSelect: () => void, extra: Partial<MenuItem> = {}): MenuItem => ({
  title,
  icon,
  onSelect,
  ...extra,
});

/** What can be done with a profile as a whole, and the dialog that one of it needs. */
export function useEnvironmentActions(environment: Environment): {
  menu: readonly MenuItem[];
  dialog: ReactNode;
  duplicate: () => void;
  exportProfile: () => void;
  remove: () => void;
} {
  const { client, stores } = useServices();
  const [removing, setRemoving] = useState(false);
  const { id, name } = environment;

  const duplicate = useCallback(() => {
    const copy = async (): Promise<void> => {
      const made = await client.environments.duplicate({ environmentId: id, name: `${name.slice(0, 73)} (copy)` });
      await stores.environments.refresh();
      stores.toasts.show({ tone: 'ok', text: `${made.name} was made, without its secrets.` });
      navigate(sectionLink(made.id, 'profile'));
    };
    copy().catch((error: unknown) => stores.toasts.show({ tone: 'bad', text: problemOf(error).message }));
  }, [client, stores, id, name]);

  const exportProfile = useCallback(() => {
    client.environments.exportProfiles({ environmentIds: [id] }).then(
      (file) => saveFile(`${fileNameOf(name)}.quarterdeck.json`, 'application/json', [`${JSON.stringify(file, null, 2)}\n`]),
      (error: unknown) => stores.toasts.show({ tone: 'bad', text: problemOf(error).message }),
    );
  }, [client, stores, id, name]);

  const remove = useCallback(() => setRemoving(true), []);
  const menu = useMemo(
    () => [
      item('Duplicate', CopyPlus, duplicate),
      item('Export profile', FileUp, exportProfile, { note: 'Without secrets' }),
      item('Delete…', Trash2, remove, { danger: true, separated: true }),
    ],
    [duplicate, exportProfile, remove],
  );
  return {
    menu,
    duplicate,
    exportProfile,
    remove,
    dialog: removing ? <RemoveDialog environment={environment} onClose={() => setRemoving(false)} /> : null,
  };
}

function RemoveDialog({ environment, onClose }: { environment: Environment; onClose: () => void }) {
  const { client, stores } = useServices();
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ProblemData>();
  const asked = environment.tier === 'production';

  const remove = async (): Promise<void> => {
    setBusy(true);
    try {
      await client.environments.remove({ environmentId: environment.id, ...(asked ? { typedName: typed } : {}) });
      onClose();
      navigate('#/welcome');
      await stores.environments.refresh();
      stores.toasts.show({ tone: 'ok', text: `${environment.name} was deleted. The journal keeps its history.` });
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };

  return (
    <Dialog
      onClose={onClose}
      size="small"
      title={`Delete ${environment.name}?`}
      description="The profile and its secrets are removed from this machine. The deployment itself is not touched, and the journal keeps its history."
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button tone="danger" busy={busy} disabled={asked && typed !== environment.name} onClick={() => void remove()}>
            Delete environment
          </Button>
        </>
      }
    >
      <div className="stack stack-3">
        {asked && (
          <TextField label="Environment name" hint={`Type ${environment.name} to confirm.`} value={typed} onValue={setTyped} autoFocus />
        )}
        {problem !== undefined && <ProblemView problem={problem} />}
      </div>
    </Dialog>
  );
}
