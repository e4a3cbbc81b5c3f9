import { InvalidUrlError } from '../errors.js';
import { quoted } from '../internal/quoted.js';
import { encodeComponent } from './encoding.js';
import type { ServiceUrl } from './serviceUrl.js';
import { CONTROL } from './splitUrl.js';

const HALF_A_PAIR = /\p{Cs}/u;

/** A "%" that starts no escape: dubbo-go decodes paths and parameters once more, fails at it, and does not see the node. */
const BARE_PERCENT = /%(?![0-9A-Fa-f]{2}).{0,2}/su;

const SEPARATORS_IN_NAME = /[=&;#]/;
const SEPARATORS_IN_VALUE = /[&;#]/;

/** What Go takes for a host, or for an IPv6 address in brackets. */
const UNFIT_FOR_HOST = /[\s/?#@[\]%\\^`{|}]/u;
const IPV6 = /^[0-9A-Fa-f:.]+$/;

/** What Go takes for a user or a password. */
const UNFIT_FOR_USER_INFO = /[^\w.:~!$&'()*+,;=%@-]/u;

/** Names and values as nearly all are: nothing in them that could be wrong. */
const PLAIN_NAME = /^[\w.~ -]+$/;
const PLAIN_VALUE = /^[\w.,:*/!$'()@~= -]*$/;

/**
 * Checks that whoever reads the node of a URL reads that URL: Java, dubbo-go and we.
 *
 * Nothing inside a Dubbo URL is escaped on its own. Some texts would end the value they stand in, others make dubbo-go, or
 * all Java consumers of the service, fail to read the node.
 *
 * @throws InvalidUrlError that names the part or parameter, and says what to write instead.
 */
export function checkWritable(url: ServiceUrl): void {
  checkHost(url);
  refuse('user name', url.username ?? '', /[/?#:]/);
  refuse('password', url.password ?? '', /[/?#]/);
  refuse('path', url.path, /[?#]/);
  refuse('path', url.path, BARE_PERCENT, ', which dubbo-go takes for an escape: write "%25"');
  for (const [name, value] of url.parameters) {
    if (PLAIN_NAME.test(name) && PLAIN_VALUE.test(value)) continue;
    if (name === '') throw new InvalidUrlError('Expected each parameter to have a name, got an empty one.');
    const parameter = `parameter ${quoted(name)}`;
    checkParameterText(`the name of ${parameter}`, name, SEPARATORS_IN_NAME);
    checkParameterText(parameter, value, SEPARATORS_IN_VALUE);
  }
  if (url.category === 'providers') checkProvider(url);
}

/** Java and Go read the nodes of providers, in ways of their own. */
function checkProvider(url: ServiceUrl): void {
  refuse('user name', url.username ?? '', UNFIT_FOR_USER_INFO);
  refuse('password', url.password ?? '', UNFIT_FOR_USER_INFO);
  if (url.port === undefined && url.host.includes(':')) {
    throw new InvalidUrlError(
      'Expected a port behind the IPv6 address of a provider, got none: a Java consumer that meets such a node reads no ' +
        'provider of the service any more.',
    );
  }
  for (const name of ['timestamp', 'pid']) checkNotCut(url, name);
}

/**
 * Java consumers cut `timestamp` and `pid` out of a node's name: at the first place where one of them is followed by "=", be it in
 * the middle of another name, and up to the next parameter, whose name is then joined to the rest.
 */
function checkNotCut(url: ServiceUrl, name: string): void {
  const text = url.toFullString();
  const start = text.indexOf(`${name}=`);
  if (start <= 0 || text[start - 1] === '?' || text[start - 1] === '&') return;
  const found = /[^?&]*$/.exec(text.slice(0, start))![0] + name;
  throw new InvalidUrlError(
    `Expected no parameter before ${quoted(name)} to have ${quoted(`${name}=`)} in it, got ${quoted(`${found}=`)}: Java ` +
      'consumers cut there, and lose what follows; use another name.',
  );
}

function checkHost({ host }: ServiceUrl): void {
  if (host === '') throw new InvalidUrlError('Expected a host, got none.');
  if (host.includes('%')) {
    const why = 'the zone of an address means something on one machine only, and dubbo-go cannot read it';
    throw new InvalidUrlError(`Expected a host without "%", got ${quoted(host)}: ${why}.`);
  }
  refuse('host', host, UNFIT_FOR_HOST);
  if (host.includes(':') && !IPV6.test(host)) {
    throw new InvalidUrlError(`Expected a host name or an IP address, got ${quoted(host)}.`);
  }
}

function refuse(part: string, text: string, forbidden: RegExp, why = ''): void {
  const found = forbidden.exec(text) ?? CONTROL.exec(text) ?? HALF_A_PAIR.exec(text);
  if (!found) return;
  throw new InvalidUrlError(`Expected a ${part} that a Dubbo URL can hold, got ${quoted(found[0])} in it${why}.`);
}

function checkParameterText(what: string, text: string, separators: RegExp): void {
  const found = (separators.exec(text) ?? CONTROL.exec(text) ?? HALF_A_PAIR.exec(text))?.[0];
  const percent = found === undefined ? BARE_PERCENT.exec(text)?.[0] : undefined;
  if (percent !== undefined) {
    throw new InvalidUrlError(
      `Expected two hex digits after each "%" in ${what}, got ${quoted(percent)}: Dubbo does not escape parameters, and ` +
        'dubbo-go does not see such a node. Write "%25" for a "%", and decode the value where you read it.',
    );
  }
  if (found === undefined) return;
  const instead = HALF_A_PAIR.test(found)
    ? ''
    : `, so write ${quoted(encodeComponent(found))}, and decode it where you read it`;
  throw new InvalidUrlError(
    `Expected ${what} to be free of separators and control characters, got ${quoted(found)} in it: Dubbo does not escape ` +
      `parameters${instead}.`,
  );
}
