import { Fingerprint as FingerprintIcon, ShieldAlert, ShieldX } from 'lucide-react';
import { useState } from 'react';
import type { HostKeyQuestion } from '../../../contract/connections.ts';
import type { Environment } from '../../../contract/environments.ts';
import { useStores } from '../../app/services.tsx';
import { Button, ButtonLink } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';
import { TextField } from '../../ui/field.tsx';
import { inGroups, judgePaste, keyFileOf } from './fingerprint.ts';
import { useConnection } from './use-connection.ts';

function PrintedKey({ title, type, fingerprint, source }: { title: string; type: string; fingerprint: string; source?: string }) {
  return (
    <div className="printed-key">
      <div className="row">
        <strong>{title}</strong>
        <span className="muted">{type}</span>
        <span className="end">
          <CopyButton text={fingerprint} label={`Copy ${title.toLowerCase()} fingerprint`} />
        </span>
      </div>
      <output className="mono printed-key-text" aria-label={`${title} fingerprint`}>
        {inGroups(fingerprint).map((group, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: groups of one constant text
          <span key={place}>{group}</span>
        ))}
      </output>
      {source !== undefined && (
        <span className="faint break">On record in {source === 'app' ? 'Quarterdeck’s own known hosts' : source}</span>
      )}
    </div>
  );
}

const pasteWords = {
  different: 'This is another fingerprint than the server presents. Do not connect: find out who answers at this address.',
  'not-a-fingerprint': 'This holds no SHA256 fingerprint. Paste the line that ssh-keygen prints.',
} as const;

/** A server nobody has met before. Nothing is sent to it until its key is compared. */
function FirstContact({ environment, question }: { environment: Environment; question: HostKeyQuestion }) {
  const { connections } = useStores();
  const { busy } = useConnection(environment.id);
  const [pasted, setPasted] = useState('');
  const [compared, setCompared] = useState(false);
  const { hop, offered } = question;
  const verdict = judgePaste(pasted, offered.fingerprint);
  const problem = verdict === 'different' || verdict === 'not-a-fingerprint' ? pasteWords[verdict] : undefined;
  const ready = verdict === 'equal' || (verdict === 'empty' && compared);
  return (
    <section className="question" aria-labelledby="host-key-title">
      <header className="row">
        <ShieldAlert size={22} aria-hidden="true" className="tone-warn" />
        <h2 id="host-key-title">Is this really {hop.host}?</h2>
      </header>
      <p>
        This machine has never met {hop.host}:{hop.port}
        {hop.index > 0 || environment.ssh.jumps.length > 0 ? ` (hop ${hop.index + 1} of ${environment.ssh.jumps.length + 1})` : ''}. Compare
        its key with what the server itself says. No login has been sent.
      </p>
      <PrintedKey title="Presented key" type={offered.type} fingerprint={offered.fingerprint} />
      <div className="stack">
        <h3>How to check</h3>
        <p className="muted">
          On the server’s console, or over a way you already trust, run this and compare. Your hosting provider may show the fingerprint
          too.
        </p>
        <div className="row code">
          <code className="grow break">ssh-keygen -lf {keyFileOf(offered.type)}</code>
          <CopyButton text={`ssh-keygen -lf ${keyFileOf(offered.type)}`} label="Copy command" />
        </div>
      </div>
      <TextField
        label="Fingerprint from the server"
        mono
        value={pasted}
        onValue={setPasted}
        placeholder="SHA256:…"
        problem={problem}
        hint={verdict === 'equal' ? 'It is the same fingerprint.' : 'Paste it, and Quarterdeck compares it for you.'}
      />
      <label className="check">
        <input type="checkbox" checked={compared} disabled={verdict !== 'empty'} onChange={(event) => setCompared(event.target.checked)} />
        <span>I have compared the fingerprint by eye, character by character</span>
      </label>
      <div className="row">
        <Button
          tone="primary"
          icon={FingerprintIcon}
          disabled={!ready}
          busy={busy === 'connecting'}
          onClick={() => void connections.trust(environment.id, offered.fingerprint)}
        >
          Trust and connect
        </Button>
        <Button onClick={() => void connections.disconnect(environment.id)}>Do not connect</Button>
      </div>
    </section>
  );
}

/** A key that is not the one on record. There is no button here that accepts it. */
function Refusal({ environment, question }: { environment: Environment; question: HostKeyQuestion }) {
  const { connections } = useStores();
  const { hop, offered, known, verdict } = question;
  const revoked = verdict === 'revoked';
  return (
    <section className="question question-refused" role="alert" aria-labelledby="host-key-title">
      <header className="row">
        <ShieldX size={26} aria-hidden="true" className="tone-bad" />
        <h2 id="host-key-title">
          {revoked ? `Refused: the key of ${hop.host} is revoked` : `Refused: the key of ${hop.host} has changed`}
        </h2>
      </header>
      <p>
        {revoked
          ? 'The key that answers is on record as revoked: whoever holds it is not to be trusted.'
          : 'Somebody may be listening in between, or the server was set up anew. Until you know which, nothing goes there.'}{' '}
        <strong>No login and no secret was sent.</strong>
      </p>
      <div className="keys-side">
        {known.map((key) => (
          <PrintedKey
            key={key.fingerprint + key.source}
            title={revoked ? 'Revoked key' : 'Key on record'}
            type={key.type}
            fingerprint={key.fingerprint}
            source={key.source}
          />
        ))}
        <PrintedKey title="Presented key" type={offered.type} fingerprint={offered.fingerprint} />
      </div>
      <div className="stack">
        <h3>How to go on</h3>
        <ol className="numbered">
          <li>Ask whoever runs the server whether its key was changed, over another way than this connection.</li>
          <li>
            Compare the presented key on the server’s console: <code>ssh-keygen -lf {keyFileOf(offered.type)}</code>
          </li>
          <li>
            Only when it was changed on purpose: forget the key on record (in Settings when Quarterdeck holds it, else in the file named
            above), connect again, and compare the new key as on a first contact.
          </li>
        </ol>
      </div>
      <div className="row">
        <Button tone="primary" onClick={() => void connections.disconnect(environment.id)}>
          Do not connect
        </Button>
        <ButtonLink href="#/settings">Known host keys in Settings</ButtonLink>
      </div>
    </section>
  );
}

/** What is to be decided about a presented host key. */
export function HostKeyPanel({ environment, question }: { environment: Environment; question: HostKeyQuestion }) {
  if (question.verdict === 'unknown')
    return <FirstContact key={question.offered.fingerprint} environment={environment} question={question} />;
  return <Refusal environment={environment} question={question} />;
}
