import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { NEVER, of, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Discovery } from '../../lib/discovery/index.js';
import { encodeComponent, toQuery } from '../../lib/dubbo/index.js';
import type { DirectoryChange } from '../../lib/index.js';
import { sessionOn } from './sessionOn.js';
import { eventually } from '../support/servers/eventually.js';

/** Just below a power of two, where maps have least room to spare. */
const COUNT = 32_000;
const MOST_BYTES_EACH = 350;

function urlOf(index: number): string {
  return (
    `dubbo://10.${index >> 16}.${(index >> 8) & 255}.${index & 255}:20880/com.acme.UserService?anyhost=true` +
    '&application=users&category=providers&deprecated=false&dubbo=2.0.2&dynamic=true&generic=false&group=blue' +
    `&interface=com.acme.UserService&methods=find,list,save&pid=${1_000 + index}&release=3.2.0&side=provider` +
    `&timestamp=${1_700_000_000_000 + index}&version=1.0.0&weight=100`
  );
}

/** A text as a client reads it from a socket, in one piece. */
const asRead = (text: string): string => Buffer.from(text).toString();

describe('what an instance costs', () => {
  it(`is at most ${MOST_BYTES_EACH} bytes beyond its decoded text, also once all of it was read`, async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const used = (): number => {
      collect();
      collect();
      return process.memoryUsage().heapUsed;
    };

    const start = used();
    const decoded = Array.from({ length: COUNT }, (_, index) => asRead(urlOf(index)));
    const decodedBytes = used() - start;
    decoded.length = 0;

    const changes = new Subject<DirectoryChange>();
    const session = sessionOn(() => changes);
    const discovery = new Discovery('/dubbo', of({ status: 'connected', session }), {
      onUnreadable: () => expect.fail(),
      onRefused: () => NEVER,
    });
    const before = used();
    let size = 0;
    let read = 0;
    const query = toQuery({ interface: 'com.acme.UserService', group: '*', version: '*' });
    const subscription = discovery.sets(query).subscribe((set) => {
      size = set.size;
      for (const url of set) read += url.parameters.size + url.address.length;
    });
    changes.next({
      type: 'snapshot',
      names: Array.from({ length: COUNT }, (_, index) => asRead(encodeComponent(urlOf(index)))),
    });
    await eventually(() => expect(size).toBe(COUNT));
    expect(read).toBeGreaterThan(COUNT);
    const bytes = used() - before;
    subscription.unsubscribe();
    expect((bytes - decodedBytes) / COUNT).toBeLessThan(MOST_BYTES_EACH);
  });
});
