import { FileDown, NotebookPen, ShieldCheck } from 'lucide-react';
import type { FormEvent } from 'react';
import { useCallback, useMemo, useState } from 'react';
import type { JournalVerification } from '../../../contract/journal.ts';
import type { ProblemData } from '../../../contract/problem.ts';
import type { Command } from '../../app/commands.ts';
import { useCommands } from '../../app/commands.ts';
import { problemOf } from '../../app/problem.ts';
import { useServices } from '../../app/services.tsx';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field } from '../../ui/field.tsx';
import { formatCount } from '../../ui/format.ts';
import { ProblemView } from '../../ui/problem-view.tsx';
import { saveFile } from '../../ui/save-file.ts';

export function NoteDialog({ environmentId, onClose }: { environmentId: string | undefined; onClose: () => void }) {
  const { client } = useServices();
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ProblemData>();
  const add = async (): Promise<void> => {
    setBusy(true);
    try {
      await client.journal.note({ text, ...(environmentId === undefined ? {} : { environmentId }) });
      onClose();
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (text.trim() !== '') void add();
  };
  return (
    <Dialog onClose={onClose} title="Add a note" description="It is written with the time and your name, and cannot be changed afterwards.">
      <form className="stack stack-3" onSubmit={submit}>
        <Field label="Note">
          {(ids) => (
            <textarea
              {...ids}
              className="input"
              rows={5}
              maxLength={4000}
              autoFocus
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
          )}
        </Field>
        {problem !== undefined && <ProblemView problem={problem} />}
        <div className="row">
          <Button type="submit" tone="primary" busy={busy} disabled={text.trim() === ''}>
            Write note
          </Button>
          <Button onClick={onClose}>Cancel</Button>
        </div>
      </form>
    </Dialog>
  );
}

/** What the check of the whole chain found. */
export function VerificationNote({ result }: { result: JournalVerification }) {
  return (
    <div className={`note ${result.ok ? 'note-ok' : 'note-bad'} journal-note`} role="status">
      <ShieldCheck size={15} aria-hidden="true" />
      <div className="grow">
        <strong>
          {result.ok
            ? `The journal is whole: ${formatCount(result.entries)} entries, each linked to the one before.`
            : 'The journal was altered or damaged.'}
        </strong>{' '}
        {result.firstBroken !== null && (
          <span className="break">
            First at entry {result.firstBroken.seq}: {result.firstBroken.reason}
          </span>
        )}
        {result.headHash !== null && <div className="mono faint break">{result.headHash}</div>}
      </div>
    </div>
  );
}

/** Verify, export, note. */
export function JournalTools({
  environmentId,
  onVerified,
  onNote,
}: {
  environmentId: string | undefined;
  onVerified: (result: JournalVerification) => void;
  onNote: () => void;
}) {
  const { client, stores } = useServices();
  const [busy, setBusy] = useState<'verify' | 'export'>();
  const verify = useCallback(async (): Promise<void> => {
    setBusy('verify');
    try {
      onVerified(await client.journal.verify({}));
    } catch (error) {
      stores.toasts.show({ tone: 'bad', text: problemOf(error).message });
    } finally {
      setBusy(undefined);
    }
  }, [client, stores, onVerified]);
  const exportAll = useCallback(async (): Promise<void> => {
    setBusy('export');
    try {
      const parts: string[] = [];
      for await (const entry of await client.journal.export(environmentId === undefined ? {} : { environmentId }))
        parts.push(`${JSON.stringify(entry)}\n`);
      saveFile(`quarterdeck-journal-${new Date().toISOString().slice(0, 10)}.jsonl`, 'application/jsonl', parts);
      stores.toasts.show({ tone: 'ok', text: `${formatCount(parts.length)} entries exported.` });
    } catch (error) {
      stores.toasts.show({ tone: 'bad', text: problemOf(error).message });
    } finally {
      setBusy(undefined);
    }
  }, [client, stores, environmentId]);
  const commands = useMemo(
    (): Command[] => [
      { id: 'journal-verify', title: 'Verify the journal', group: 'Here', keys: 'v', run: () => void verify() },
      { id: 'journal-export', title: 'Export the journal', group: 'Here', run: () => void exportAll() },
    ],
    [verify, exportAll],
  );
  useCommands(commands);
  return (
    <>
      <Button icon={NotebookPen} onClick={onNote}>
        Add note
      </Button>
      <Button icon={FileDown} busy={busy === 'export'} onClick={() => void exportAll()}>
        Export
      </Button>
      <Button icon={ShieldCheck} busy={busy === 'verify'} onClick={() => void verify()}>
        Verify journal
      </Button>
    </>
  );
}
