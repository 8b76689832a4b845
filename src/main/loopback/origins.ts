import type { IncomingMessage } from 'node:http';

/** The names a request may have for this host. */
export interface Origins {
  /**
   * The `Host` header, when it is one of ours. Another name that happens to lead to 127.0.0.1 is DNS rebinding: the browser
   * would treat a foreign page as ours.
   */
  host(request: IncomingMessage): string | undefined;
  /** Whether the request comes from our own page: `Origin` must be there and be the very origin that `Host` names. */
  own(request: IncomingMessage): boolean;
}

/** `127.0.0.1:<port>` and `localhost:<port>`, and nothing like them. */
export function createOrigins(port: number): Origins {
  const names = new Set([`127.0.0.1:${port}`, `localhost:${port}`]);
  const host = (request: IncomingMessage): string | undefined => {
    const sent = valuesOf(request, 'host');
    const [name] = sent;
    return sent.length === 1 && name !== undefined && names.has(name) ? name : undefined;
  };
  return {
    host,
    own(request) {
      const sent = valuesOf(request, 'origin');
      const name = host(request);
      return name !== undefined && sent.length === 1 && sent[0] === `http://${name}`;
    },
  };
}

/** Every value a header was sent with: Node keeps the first of a doubled `Host` or joins others, and we want neither. */
function valuesOf(request: IncomingMessage, header: string): string[] {
  return request.headersDistinct[header] ?? [];
}
