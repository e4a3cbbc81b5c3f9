import { expect, onTestFinished } from 'vitest';
import { createRegistry } from '../../../lib/index.js';
import { fakeInstances } from '../../../lib/testing/index.js';

/** Providers that are registered one after the other, each looked up as soon as its registration is acknowledged. */
const ROUNDS = 30;

/** A fresh lookup sees what was acknowledged to another client before it. */
export async function lookUpEveryRegistration(providerAt: string, consumerAt: string): Promise<void> {
  const [provider, consumer] = [createRegistry(providerAt), createRegistry(consumerAt)];
  onTestFinished(() => Promise.all([provider.close(), consumer.close()]).then(() => undefined));
  const query = { interface: 'com.acme.Fresh' };
  consumer.instances(query).subscribe();
  for (const [round, instance] of fakeInstances(ROUNDS, { interface: query.interface }).entries()) {
    await provider.provide(instance);
    expect((await consumer.lookup(query, { fresh: true })).size).toBe(round + 1);
  }
}
