import { inspect } from 'node:util';
import { NEVER, Observable, of, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { enterTogether, type Token, User, type UserOptions } from '../../../lib/backends/etcd/user.js';
import { RegistryError } from '../../../lib/errors.js';
import { VirtualTime } from '../../support/virtual/virtualTime.js';

const CREDENTIALS = { name: 'app', password: 's3cret' };

interface Stage {
  readonly time: VirtualTime;
  readonly user: User;
  /** When logins were sent, and to which server. */
  readonly sent: { readonly at: number; readonly server: string }[];
  /** Answers the logins under way, in order. */
  readonly answers: Subject<string | undefined>[];
  /** Logs in at a server. */
  readonly logIn: (server?: string) => { token: Token | undefined; error: unknown; unsubscribe(): void };
}

function stage(options: Partial<UserOptions> = {}): Stage {
  const time = new VirtualTime();
  const user = new User({ ...CREDENTIALS, scheduler: time.scheduler, ...options });
  user.enter();
  const sent: Stage['sent'] = [];
  const answers: Stage['answers'] = [];
  const at = (server: string) =>
    user.at(server, () => {
      sent.push({ at: time.now, server });
      const answer = new Subject<string | undefined>();
      answers.push(answer);
      return answer;
    });
  return {
    time,
    user,
    sent,
    answers,
    logIn(server = 'a') {
      const told = { token: undefined as Token | undefined, error: undefined as unknown };
      const subscription = at(server)
        .logIn()
        .subscribe({ next: (token) => (told.token = token), error: (error: unknown) => (told.error = error) });
      return Object.assign(told, { unsubscribe: () => subscription.unsubscribe() });
    },
  };
}

/** What a token adds to a call. */
function textOf(token: Token | undefined): string | undefined {
  let text: string | undefined;
  token?.addTo({ set: (_, value) => (text = value) });
  return text;
}

const refusal = new RegistryError('NOT_AUTHORIZED', 'authentication failed');

describe('a user of etcd', () => {
  it('logs in once for all who wait, and for all who come later', () => {
    const { answers, sent, logIn } = stage();
    const [one, two] = [logIn(), logIn()];
    expect(sent).toHaveLength(1);
    answers[0]!.next('t1');
    expect([one, two, logIn()].map(({ token }) => textOf(token))).toEqual(['t1', 't1', 't1']);
    expect(sent).toHaveLength(1);
  });

  it('logs in again once the token was refused; a refusal of the one before counts for nothing', () => {
    const { user, answers, sent, logIn } = stage();
    logIn();
    answers[0]!.next('t1');
    const server = user.at('a', () => NEVER);
    const first = server.token;
    server.discard(first);
    expect(server.token).toBeUndefined();
    const second = logIn();
    expect(sent).toHaveLength(2);
    answers[1]!.next('t2');
    server.discard(first);
    expect(textOf(server.token)).toBe('t2');
    expect(textOf(second.token)).toBe('t2');
  });

  it('adds nothing to calls where the server has no authentication enabled', () => {
    const { answers, logIn } = stage();
    const told = logIn();
    answers[0]!.next(undefined);
    expect(told.token).toBeDefined();
    expect(textOf(told.token)).toBeUndefined();
  });

  it('does not repeat a login because those who waited for it have given up', () => {
    const { time, answers, sent, logIn } = stage();
    for (let attempt = 0; attempt < 10; attempt += 1) {
      const told = logIn();
      time.pass(2_500);
      told.unsubscribe();
      time.pass(500);
    }
    expect(sent).toHaveLength(1);
    answers[0]!.next('t1');
    expect(textOf(logIn().token)).toBe('t1');
    expect(sent).toHaveLength(1);
  });

  it('logs in at each server that is tried meanwhile, and takes the first token for all', () => {
    const { answers, sent, logIn } = stage();
    const told = ['a', 'b', 'a', 'b'].map(logIn);
    expect(sent.map(({ server }) => server)).toEqual(['a', 'b']);
    answers[1]!.next('from b');
    expect(told.map(({ token }) => textOf(token))).toEqual(Array(4).fill('from b'));
  });

  it('fails with its login, and logs in again when asked again', () => {
    const { answers, sent, logIn } = stage();
    const told = logIn();
    const error = new RegistryError('CONNECTION_LOST', 'gone');
    answers[0]!.error(error);
    expect(told.error).toBe(error);
    logIn();
    expect(sent).toHaveLength(2);
  });

  it('bounded herd: repeats a refused login later and later, up to ten times the longest wait between attempts', () => {
    const { time, answers, sent, logIn } = stage({ reconnect: { baseMs: 100, maxMs: 1_500, random: () => 1 } });
    logIn();
    const waits = Array.from({ length: 10 }, (_, index) => {
      const refusedAt = time.now;
      answers[index]!.error(refusal);
      logIn();
      while (answers.length === index + 1) time.pass(100);
      return sent.at(-1)!.at - refusedAt;
    });
    expect(waits).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 15_000, 15_000]);
  });

  it('bounded herd: leaves a server that took long to refuse a login alone for four times as long', () => {
    const { time, answers, sent, logIn } = stage({ reconnect: { random: () => 0 } });
    logIn();
    time.pass(3_000);
    answers[0]!.error(refusal);
    logIn();
    time.pass(60_000);
    expect(sent.map(({ at }) => at)).toEqual([0, 3_000 + 4 * 3_000]);
  });

  it('abandons its logins when nobody uses it any more', () => {
    const time = new VirtualTime();
    const user = new User({ ...CREDENTIALS, scheduler: time.scheduler });
    const entered = user.enter();
    let underWay = 0;
    const slow = new Observable<string>(() => {
      underWay += 1;
      return () => (underWay -= 1);
    });
    const waiting = user
      .at('a', () => slow)
      .logIn()
      .subscribe();
    entered.unsubscribe();
    expect(underWay, 'whoever waits uses it').toBe(1);
    waiting.unsubscribe();
    expect(underWay).toBe(0);
    expect(time.timers).toBe(0);
  });

  it('shows neither password nor token', () => {
    const { user, answers, logIn } = stage();
    const { token } = logIn();
    answers[0]!.next('t0ken');
    const at = user.at('a', () => of('t0ken'));
    for (const each of [user, at, at.token, token, { user, at }]) {
      const shown = `${inspect(each, { showHidden: true, depth: Infinity })}${JSON.stringify(each)}`;
      for (const secret of ['s3cret', 't0ken']) expect(shown).not.toContain(secret);
    }
  });

  it('is one for all with the same servers, in whatever order, and the same credentials, while it is used', () => {
    const own = () => new User(CREDENTIALS);
    const [one, leaveOne] = enterTogether(own(), ['a:1', 'b:1'], CREDENTIALS);
    const [two, leaveTwo] = enterTogether(own(), ['b:1', 'a:1'], CREDENTIALS);
    const others = [
      enterTogether(own(), ['a:1'], CREDENTIALS),
      enterTogether(own(), ['a:1', 'b:1'], { ...CREDENTIALS, name: 'other' }),
      enterTogether(own(), ['a:1', 'b:1'], { ...CREDENTIALS, password: 'other' }),
    ];
    expect(two).toBe(one);
    expect(new Set([one, ...others.map(([user]) => user)]).size).toBe(4);
    leaveOne.unsubscribe();
    const [three, leaveThree] = enterTogether(own(), ['a:1', 'b:1'], CREDENTIALS);
    expect(three).toBe(one);
    for (const each of [leaveTwo, leaveThree, ...others.map(([, leave]) => leave)]) each.unsubscribe();
    const [four, leaveFour] = enterTogether(own(), ['a:1', 'b:1'], CREDENTIALS);
    expect(four).not.toBe(one);
    leaveFour.unsubscribe();
  });
});
