import type * as Net from 'node:net';
import { Observable } from 'rxjs';
import { RegistryError, UnreadableNodeError } from '../../errors.js';
import { quoted } from '../../internal/quoted.js';
import { HessianReader, hessianMap, hessianText, joined } from './hessian.js';
import { type MetadataCall, METADATA_SERVICE, MOST_BYTES } from './metadataCall.js';

const HEADER_BYTES = 16;
const MAGIC = 0xdabb;
/** A request, to be answered, in Hessian 2. */
const REQUEST_FLAGS = 0xc2;
const HESSIAN = 2;
const OK = 20;
const CALL_ID = 1n;

/** How much of an error is shown: Java adds where it happened. */
const MOST_SHOWN = 200;

/** Whether an answer holds a value, with and without what is attached to it. */
const WITH_VALUE: ReadonlySet<unknown> = new Set([1, 4]);
const WITH_NOTHING: ReadonlySet<unknown> = new Set([2, 5]);

/**
 * Asks a metadata service by the dubbo protocol, over a connection of its own; emits what it answers, and completes.
 *
 * Cold; errors when it cannot be reached or its answer cannot be read. Unsubscribing closes the connection.
 */
export function dubboCall(net: typeof Net, call: MetadataCall): Observable<unknown> {
  return new Observable((subscriber) => {
    const socket = net.connect({ host: call.host, port: call.port });
    let received: Uint8Array = new Uint8Array(0);
    socket.on('connect', () => socket.write(requestOf(call)));
    socket.on('data', (data) => {
      received = joined([received, data]);
      try {
        const answer = answerIn(received);
        if (!answer) return;
        subscriber.next(answer.value);
        subscriber.complete();
      } catch (error) {
        subscriber.error(error);
      }
    });
    socket.on('error', (cause) =>
      subscriber.error(new RegistryError('CONNECTION_LOST', `No metadata: ${cause.message}`, { cause })),
    );
    socket.on('close', () =>
      subscriber.error(new RegistryError('CONNECTION_LOST', 'No metadata: the connection was closed.')),
    );
    return () => socket.destroy();
  });
}

function requestOf({ application, revision }: MetadataCall): Uint8Array {
  const texts = ['2.0.2', METADATA_SERVICE, '1.0.0', 'getMetadataInfo', 'Ljava/lang/String;', revision];
  const attachments = { path: METADATA_SERVICE, interface: METADATA_SERVICE, version: '1.0.0', group: application };
  const body = joined([...texts.map(hessianText), hessianMap(attachments)]);
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  header.setUint16(0, MAGIC);
  header.setUint8(2, REQUEST_FLAGS);
  header.setBigInt64(4, CALL_ID);
  header.setInt32(12, body.length);
  return joined([new Uint8Array(header.buffer), body]);
}

/** The answer among what was received; `undefined` as long as it is not complete. */
function answerIn(received: Uint8Array): { readonly value: unknown } | undefined {
  let rest = received;
  while (rest.length >= HEADER_BYTES) {
    const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
    const length = view.getInt32(12);
    if (view.getUint16(0) !== MAGIC || length < 0 || length > MOST_BYTES) {
      throw new UnreadableNodeError('Expected an answer of the dubbo protocol, got something else, or too much.');
    }
    if (rest.length < HEADER_BYTES + length) return undefined;
    const [flags, status, id] = [view.getUint8(2), view.getUint8(3), view.getBigInt64(4)];
    const body = rest.subarray(HEADER_BYTES, HEADER_BYTES + length);
    // A server may ask for a sign of life before it answers.
    const isAnswer = (flags & 0x80) === 0 && id === CALL_ID;
    if (isAnswer) return { value: valueIn(status, flags, body) };
    rest = rest.subarray(HEADER_BYTES + length);
  }
  return undefined;
}

function valueIn(status: number, flags: number, body: Uint8Array): unknown {
  if ((flags & 0x1f) !== HESSIAN) throw new UnreadableNodeError('Expected an answer in Hessian 2, got another.');
  const reader = new HessianReader(body);
  const first = reader.read();
  if (status !== OK) {
    const [why = ''] = String(first).split('\n');
    throw new RegistryError(
      'SERVER_ERROR',
      `The metadata service answers status ${status}: ${quoted(why.slice(0, MOST_SHOWN))}`,
    );
  }
  if (WITH_NOTHING.has(first)) return null;
  if (WITH_VALUE.has(first)) return reader.read();
  throw new RegistryError('SERVER_ERROR', 'The metadata service answers with an exception.');
}
