// What the name of a node says of one process: its address, and parameters that differ from process to process. All else is
// said alike by all nodes of a service. Both are found in the name without decoding it, because only plain ones count here.

const AFTER_PROTOCOL = '%3A%2F%2F';

/** A protocol, a host and a port as all but a few nodes have them, with what they end at. */
const ADDRESS = /^([A-Za-z][A-Za-z0-9.-]*%3A%2F%2F)([\w.-]+%3A([1-9]\d{0,4}))(?=%2F|%3F|$)/;

/** Parameters of one process in plain characters, where they are not the first. */
const PARAMETERS = /%26(?:timestamp|pid|ip)%3D[\w.]+(?=%26|$)/g;

/** The parameters that a node may have of its own, in the order in which parameters stand. */
export const OWN_PARAMETERS: readonly string[] = ['ip', 'pid', 'timestamp'];

/** The name of a node with another host in place of its own parts; `undefined` if its address is none of the usual. */
export function withoutOwnParts(name: string, host: string): string | undefined {
  const [before, protocol, , port] = ADDRESS.exec(name) ?? [];
  if (before === undefined || Number(port) > 65_535) return undefined;
  return `${protocol}${host}${name.slice(before.length).replace(PARAMETERS, '')}`;
}

/** The host in a name that {@link withoutOwnParts} took. */
export function ownHost(name: string): string {
  const start = name.indexOf(AFTER_PROTOCOL) + AFTER_PROTOCOL.length;
  return name.slice(start, name.indexOf('%', start));
}

/** The port in a name that {@link withoutOwnParts} took. */
export function ownPort(name: string): number {
  const start = name.indexOf('%3A', name.indexOf(AFTER_PROTOCOL) + AFTER_PROTOCOL.length) + 3;
  return Number(upTo('%', name, start));
}

/** A parameter in a name that {@link withoutOwnParts} took, if it was taken out; the last one counts, as everywhere. */
export function ownParameter(name: string, parameter: string): string | undefined {
  if (!OWN_PARAMETERS.includes(parameter)) return undefined;
  const mark = `%26${parameter}%3D`;
  const start = name.lastIndexOf(mark);
  return start < 0 ? undefined : upTo('%', name, start + mark.length);
}

function upTo(end: string, name: string, start: number): string {
  const found = name.indexOf(end, start);
  return name.slice(start, found < 0 ? name.length : found);
}
