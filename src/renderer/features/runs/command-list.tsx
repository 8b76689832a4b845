import type { PlanCommand } from '../../../contract/runs.ts';
import { CopyButton } from '../../ui/copy-button.tsx';

const kindWords: Readonly<Record<PlanCommand['kind'], string>> = {
  ssh: 'SSH',
  http: 'HTTP',
  sftp: 'SFTP',
  local: 'Here',
  manual: 'By hand',
};

/** Exactly what is sent, in the order it is sent. */
export function CommandList({ commands, label }: { commands: readonly PlanCommand[]; label: string }) {
  if (commands.length === 0) return null;
  return (
    <ul className="commands" aria-label={label}>
      {commands.map(({ kind, text }, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a plan never changes
        <li key={place}>
          <span className="command-kind">{kindWords[kind]}</span>
          <pre className="grow">{text}</pre>
          <CopyButton text={text} label="Copy command" />
        </li>
      ))}
    </ul>
  );
}
