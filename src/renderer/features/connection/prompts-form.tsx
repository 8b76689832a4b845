import { KeyRound } from 'lucide-react';
import type { FormEvent } from 'react';
import { useState } from 'react';
import type { AuthPrompt } from '../../../contract/connections.ts';
import type { Environment } from '../../../contract/environments.ts';
import { useStores } from '../../app/services.tsx';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { useConnection } from './use-connection.ts';

/** What the server asks to be typed: one-time codes and the like. Sent once, never stored. */
export function PromptsForm({ environment, prompts }: { environment: Environment; prompts: readonly AuthPrompt[] }) {
  const { connections } = useStores();
  const { busy, failed } = useConnection(environment.id);
  const [answers, setAnswers] = useState<readonly string[]>(() => prompts.map(() => ''));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void connections.answer(environment.id, [...answers]);
    setAnswers(prompts.map(() => ''));
  };
  const hop = prompts[0]?.hop ?? 0;
  const asker = [...environment.ssh.jumps, environment.ssh.target][hop] ?? environment.ssh.target;
  return (
    <form className="question" onSubmit={submit} aria-labelledby="prompts-title">
      <header className="row">
        <KeyRound size={22} aria-hidden="true" className="tone-warn" />
        <h2 id="prompts-title">{asker.host} asks</h2>
      </header>
      <p className="muted">The answers go to the server once and are not kept.</p>
      {prompts.map((prompt, place) => (
        <TextField
          // biome-ignore lint/suspicious/noArrayIndexKey: the order of the prompts is their identity
          key={place}
          label={prompt.text.trim() === '' ? `Answer ${place + 1}` : prompt.text.trim()}
          type={prompt.echo ? 'text' : 'password'}
          autoFocus={place === 0}
          value={answers[place] ?? ''}
          onValue={(value) => setAnswers(answers.map((before, other) => (other === place ? value : before)))}
        />
      ))}
      {failed !== undefined && <ProblemView problem={failed} />}
      <div className="row">
        <Button type="submit" tone="primary" busy={busy === 'connecting'}>
          Answer and connect
        </Button>
        <Button onClick={() => void connections.disconnect(environment.id)}>Do not connect</Button>
      </div>
    </form>
  );
}
