import { NONCE_PLACEHOLDER } from '../../contract/wire.ts';

/**
 * The page's CSP is `style-src 'self' 'nonce-…'`: style elements made by script need the nonce that the serving host wrote
 * into `<meta name="csp-nonce" content="__CSP_NONCE__">` in index.html's head. Inline `style` set by React, uPlot, cmdk or
 * react-virtual goes through the CSSOM and needs nothing.
 *
 * Call `applyStyleNonce()` before the first render. It serves react-remove-scroll (below Radix's dialogs, menus and
 * selects), which asks for the global it sets. Radix's `ScrollArea.Viewport` and `Select.Viewport` have a prop for it:
 * `nonce={styleNonce()}`.
 */
export function applyStyleNonce(): void {
  const nonce = styleNonce();
  if (nonce !== undefined) Object.assign(globalThis, { __webpack_nonce__: nonce });
}

/** The nonce for a style element made by script; `undefined` where the page is not served by a Quarterdeck host. */
export function styleNonce(): string | undefined {
  const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content;
  return nonce === undefined || nonce === '' || nonce === NONCE_PLACEHOLDER ? undefined : nonce;
}
