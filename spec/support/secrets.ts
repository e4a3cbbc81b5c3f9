import { inspect } from 'node:util';

/** Something that nobody may be shown, as it may come into a text. */
export interface Secret {
  readonly name: string;
  readonly forms: readonly (string | RegExp)[];
}

/** A secret text or the bytes of one, in every form in which printers show it. */
export function secret(name: string, value: string | Uint8Array): Secret {
  const bytes = Buffer.from(value as string);
  const hex = bytes.toString('hex');
  return {
    name,
    forms: [
      ...(typeof value === 'string' ? [value, encodeURIComponent(value)] : []),
      // As a whole, as Node.js shows a buffer, and as JSON does.
      hex,
      hex.replace(/..(?=.)/g, '$& '),
      bytes.toString('base64'),
      [...bytes].join(','),
      [...bytes].join(', '),
    ],
  };
}

/** The ways to make a text of a value, and whatever else a logger may find in it. */
const PRINTERS: Readonly<Record<string, (value: unknown) => string>> = {
  inspect: (value) => inspect(value, { depth: 10, showHidden: true, maxArrayLength: null, maxStringLength: null }),
  'JSON.stringify': json,
  'template string': (value) => (hasText(value) ? `${value as string}` : ''),
  'own properties': (value) => ownTexts(value).join('\n'),
};

/** Where secrets show up in a value: `inspect shows the password`. */
export function leaksOf(value: unknown, secrets: readonly Secret[]): string[] {
  return Object.entries(PRINTERS).flatMap(([printer, print]) => {
    const text = print(value);
    return secrets
      .filter(({ forms }) => forms.some((form) => shows(text, form)))
      .map(({ name }) => `${printer} shows ${name}`);
  });
}

function shows(text: string, form: string | RegExp): boolean {
  return typeof form === 'string' ? text.includes(form) : form.test(text);
}

function hasText(value: unknown): boolean {
  return typeof value === 'object' && value !== null ? 'toString' in value : value !== undefined;
}

/** Without the references that lead back to what was told already, and with the numbers that JSON does not know. */
function json(value: unknown): string {
  const above: unknown[] = [];
  return (
    JSON.stringify(value, function (this: unknown, _key, each: unknown) {
      if (typeof each === 'bigint') return String(each);
      if (typeof each !== 'object' || each === null) return each;
      while (above.length > 0 && above.at(-1) !== this) above.pop();
      if (above.includes(each)) return '[circular]';
      above.push(each);
      return each;
    }) ?? ''
  );
}

/** Every text that own enumerable properties lead to, also by way of maps, sets and bytes. */
function ownTexts(value: unknown): string[] {
  const seen = new Set<object>();
  const texts: string[] = [];
  const walk = (each: unknown): void => {
    if (typeof each === 'string') texts.push(each);
    if ((typeof each !== 'object' && typeof each !== 'function') || each === null || seen.has(each)) return;
    seen.add(each);
    if (each instanceof Uint8Array) texts.push(Buffer.from(each).toString(), Buffer.from(each).toString('hex'));
    else if (each instanceof Map || each instanceof Set) [...each].forEach(walk);
    else {
      for (const [name, part] of Object.entries(each)) {
        texts.push(name);
        walk(part);
      }
    }
  };
  walk(value);
  return texts;
}
