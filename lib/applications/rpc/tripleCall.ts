import type * as Http from 'node:http';
import { Observable } from 'rxjs';
import { RegistryError, UnreadableNodeError } from '../../errors.js';
import { parseJson } from '../../config/formats/parseJson.js';
import { joined } from './hessian.js';
import { type MetadataCall, METADATA_SERVICE, MOST_BYTES } from './metadataCall.js';

/**
 * Asks a metadata service by triple, as JSON over HTTP/1.1; emits what it answers, and completes.
 *
 * Cold; errors when it cannot be reached or its answer cannot be read. Unsubscribing ends the request.
 */
export function tripleCall(http: typeof Http, call: MetadataCall): Observable<unknown> {
  return new Observable((subscriber) => {
    const request = http.request({
      host: call.host,
      port: call.port,
      method: 'POST',
      path: `/${METADATA_SERVICE}/getMetadataInfo`,
      headers: {
        'content-type': 'application/json',
        'tri-service-version': '1.0.0',
        'tri-service-group': call.application,
      },
      agent: false,
    });
    request.on('response', (response) => {
      const pieces: Uint8Array[] = [];
      let bytes = 0;
      response.on('data', (piece: Uint8Array) => {
        pieces.push(piece);
        bytes += piece.length;
        if (bytes > MOST_BYTES) subscriber.error(new UnreadableNodeError('Expected metadata, got too much.'));
      });
      response.on('end', () => {
        try {
          if (response.statusCode !== 200) {
            throw new RegistryError('SERVER_ERROR', `The metadata service answers HTTP ${response.statusCode}.`);
          }
          subscriber.next(parseJson(new TextDecoder().decode(joined(pieces))));
          subscriber.complete();
        } catch (error) {
          subscriber.error(error);
        }
      });
      response.on('error', fail);
    });
    const fail = (cause: Error): void =>
      subscriber.error(new RegistryError('CONNECTION_LOST', `No metadata: ${cause.message}`, { cause }));
    request.on('error', fail);
    request.end(JSON.stringify([call.revision]));
    return () => request.destroy();
  });
}
