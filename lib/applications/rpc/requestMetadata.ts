import { defer, map, type Observable, type SchedulerLike, throwError, timeout } from 'rxjs';
import { RegistryError } from '../../errors.js';
import type { MetadataRequest } from '../consuming/metadataStore.js';
import type { ApplicationInstance } from '../formats/instance.js';
import { isObject, type PlainObject, portOf } from '../formats/plainFields.js';
import { dubboCall } from './dubboCall.js';
import type { MetadataCall } from './metadataCall.js';
import { tripleCall } from './tripleCall.js';

/** How long an instance may take to answer, from the connection on. */
const ANSWER_MS = 5_000;

/**
 * Asks an instance for the metadata of its revision, as its node says: by the dubbo protocol or by triple.
 *
 * Only where there is Node.js or what has its modules; elsewhere, and where the node does not say how to ask, it is `UNSUPPORTED`.
 */
export function requestMetadata(scheduler: SchedulerLike): MetadataRequest {
  return (instance) =>
    callOf(instance).pipe(
      timeout({
        first: ANSWER_MS,
        scheduler,
        with: () => throwError(() => new RegistryError('TIMEOUT', `No metadata within ${ANSWER_MS} ms.`)),
      }),
      map((answer): PlainObject => {
        if (isObject(answer)) return answer;
        throw new RegistryError('NO_NODE', 'The instance does not know the revision that its node names.');
      }),
    );
}

function callOf({ host, application, revision, metadataService }: ApplicationInstance): Observable<unknown> {
  return defer(() => {
    const protocol = metadataService.get('protocol');
    const port = portOf(metadataService.get('port'));
    if (port === undefined || revision === undefined) throw unsupported('its node does not say at which port');
    const call: MetadataCall = { host, port, application, revision };
    const { process } = globalThis as { process?: NodeJS.Process | undefined };
    const net = process?.getBuiltinModule?.('node:net');
    const http = process?.getBuiltinModule?.('node:http');
    if (!net || !http) throw unsupported('there are no sockets here');
    if (protocol === 'dubbo') return dubboCall(net, call);
    if (protocol === 'tri') return tripleCall(http, call);
    throw unsupported('its node names a protocol that is neither dubbo nor tri');
  });
}

function unsupported(why: string): RegistryError {
  return new RegistryError('UNSUPPORTED', `The metadata of an instance cannot be asked for: ${why}.`);
}
