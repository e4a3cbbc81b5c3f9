/** How Node.js says that a server does not answer in TLS. */
const NOT_TLS =
  /before secure TLS connection was established|wrong version number|packet length too long|EPROTO|ECONNRESET/;
/** How Node.js says that nobody it trusts has signed the server's certificate. */
const NOT_TRUSTED = /unable to (?:verify|get)|self.signed/;

/** How a server says that it wants a certificate that it trusts; what Node.js makes of that, too. */
const NOT_ACCEPTED = /alert (?:bad|unknown|unsupported|certificate|handshake failure)/;

/** What to do about a handshake of TLS that failed, where that can be told from the reason; else nothing. */
export function handshakeHint(reason: string, server: string): string {
  if (NOT_TLS.test(reason)) {
    return `Expected ${server} with TLS: if it has none, leave out "tls", "ca", "cert" and "key".`;
  }
  if (NOT_ACCEPTED.test(reason)) {
    return 'The server wants a certificate that it trusts: give "cert" and "key" of one.';
  }
  return NOT_TRUSTED.test(reason) ? 'Give the certificate of the authority that signed it as "ca".' : '';
}
