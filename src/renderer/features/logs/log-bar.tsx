import { ArrowDownToLine, History, Pause, Play, Search, ShieldCheck, WrapText, X } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { LogSource } from '../../../contract/logs.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import type { FilterForm } from './filter.ts';
import { levels } from './filter.ts';

const TYPING_MS = 250;

/** Tells of typed text when the hand rests. */
function useSettled(value: string, onSettled: (value: string) => void): [string, (value: string) => void] {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (typed === value) return;
    const timer = setTimeout(() => onSettled(typed), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, value, onSettled]);
  return [typed, setTyped];
}

interface LogBarProps {
  readonly sources: readonly LogSource[];
  readonly source: LogSource;
  readonly form: FilterForm;
  readonly wrap: boolean;
  readonly mode: 'follow' | 'search';
  readonly paused: boolean;
  readonly onSource: (id: string) => void;
  readonly onForm: (form: FilterForm) => void;
  readonly onWrap: () => void;
  readonly onPause: () => void;
  readonly onMode: (mode: 'follow' | 'search') => void;
}

/** Source, filter and the switches of the log view. */
export function LogBar({ sources, source, form, wrap, mode, paused, onSource, onForm, onWrap, onPause, onMode }: LogBarProps) {
  const [text, setText] = useSettled(form.text, (next) => onForm({ ...form, text: next }));
  const [request, setRequest] = useSettled(form.requestId, (next) => onForm({ ...form, requestId: next }));
  return (
    <div className="toolbar log-bar" role="toolbar" aria-label="Log controls">
      <select
        className="input select log-source"
        aria-label="Source"
        value={source.id}
        onChange={(event) => onSource(event.target.value)}
        title={source.location}
      >
        {sources.map(({ id, title, kind }) => (
          <option key={id} value={id}>
            {title} ({kind})
          </option>
        ))}
      </select>
      <div className="search grow">
        <Search size={14} aria-hidden="true" />
        <input
          className="input"
          type="search"
          data-filter
          aria-label="Filter text"
          placeholder="Filter text  ( / )"
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </div>
      <div className="row log-request-field">
        <input
          className="input mono"
          aria-label="Request id"
          placeholder="Request id"
          spellCheck={false}
          value={request}
          onChange={(event) => setRequest(event.target.value)}
        />
        {form.requestId !== '' && <IconButton icon={X} label="Clear request id" onClick={() => onForm({ ...form, requestId: '' })} />}
      </div>
      <select
        className="input select log-level-field"
        aria-label="Lowest level"
        value={form.minLevel}
        onChange={(event) => onForm({ ...form, minLevel: event.target.value })}
      >
        <option value="">All levels</option>
        {levels.map((level) => (
          <option key={level} value={level}>
            {level} and up
          </option>
        ))}
      </select>
      <IconButton
        icon={ShieldCheck}
        label="Audit lines only"
        pressed={form.audit}
        onClick={() => onForm({ ...form, audit: !form.audit })}
      />
      <IconButton icon={WrapText} label="Wrap lines" pressed={wrap} onClick={onWrap} />
      {mode === 'follow' ? (
        <>
          <Button icon={paused ? Play : Pause} onClick={onPause}>
            {paused ? 'Go on' : 'Pause'}
          </Button>
          <Button icon={History} onClick={() => onMode('search')}>
            Search history
          </Button>
        </>
      ) : (
        <Button icon={ArrowDownToLine} onClick={() => onMode('follow')}>
          Follow live
        </Button>
      )}
    </div>
  );
}
