import type { ServiceUrl } from '../../lib/index.js';
import { built } from './built.js';

/** Instances of one service that differ in address and weight. */
export async function fleetOf(size: number): Promise<ServiceUrl[]> {
  const { ServiceUrl: Url } = await built('index.js');
  return Array.from({ length: size }, (_, index) =>
    Url.from({
      protocol: 'dubbo',
      host: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
      port: 20_880,
      path: 'com.acme.Users',
      parameters: { weight: weightOf(index), zone: 'eu-1' },
    }),
  );
}

/** One with another weight than it had. */
export function reweighted(instance: ServiceUrl, index: number, version: number): ServiceUrl {
  return instance.with({ parameters: { weight: weightOf(index + version) } });
}

function weightOf(number: number): string {
  return String(50 + (number % 4) * 50);
}
