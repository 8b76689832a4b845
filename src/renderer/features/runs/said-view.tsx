import { useEffect, useRef } from 'react';
import type { Said } from '../../../contract/runs.ts';
import { CopyButton } from '../../ui/copy-button.tsx';
import { formatBytes, shortHash } from '../../ui/format.ts';

const NEAR = 24;

/** What the host said, as text and nothing else. While it goes on, its end stays in view unless the reader scrolled away. */
export function SaidView({ title, said, open }: { title: string; said: Said; open: boolean }) {
  const box = useRef<HTMLPreElement>(null);
  const follows = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: new text is the reason to go to its end
  useEffect(() => {
    const { current } = box;
    if (current !== null && follows.current) current.scrollTop = current.scrollHeight;
  }, [said.text]);
  return (
    <details className="said" open={open}>
      <summary className="said-summary">
        Output <span className="faint">{formatBytes(said.bytes)}</span>
        {said.sha256 !== null && (
          <span className="faint">
            {' '}
            · SHA-256 <code title={said.sha256}>{shortHash(said.sha256)}</code>
          </span>
        )}
      </summary>
      {said.dropped > 0 && <p className="faint">Its first {formatBytes(said.dropped)} are not kept; the hash is of all of it.</p>}
      <div className="said-box">
        <pre
          ref={box}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard
          tabIndex={0}
          role="log"
          aria-live="off"
          aria-label={`Output of ${title}`}
          onScroll={({ currentTarget: pre }) => {
            follows.current = pre.scrollHeight - pre.scrollTop - pre.clientHeight < NEAR;
          }}
        >
          {said.text}
        </pre>
        <CopyButton text={said.text} label="Copy output" />
      </div>
    </details>
  );
}
