import { weightOf } from '../balancers/shared/weight.js';
import { instanceKey, isSwitchedOff, type ServiceUrl } from '../dubbo/index.js';

/** One provider or consumer as people look at it: plain values, no secrets. */
export interface InstanceView {
  readonly key: string;
  readonly service: string;
  /** `providers` or `consumers`. */
  readonly category: string;
  readonly protocol: string;
  readonly address: string;
  /** Only for providers. */
  readonly weight?: number;
  readonly zone?: string;
  readonly group?: string;
  readonly version?: string;
  readonly application?: string;
  readonly pid?: string;
  /** Whether it says of itself that it gets no calls. */
  readonly off?: true;
  /** When it says that it was registered, in milliseconds since 1970. */
  readonly since?: number;
}

/** What is shown of an instance. */
export function viewOf(url: ServiceUrl): InstanceView {
  const isProvider = url.category === 'providers';
  const since = Number(url.parameter('timestamp') || NaN);
  return {
    key: instanceKey(url),
    service: url.interface,
    category: url.category,
    protocol: url.protocol,
    address: url.address,
    ...(isProvider && { weight: weightOf(url) }),
    ...given('zone', url.parameter('zone')),
    ...given('group', url.group),
    ...given('version', url.version),
    ...given('application', url.parameter('application')),
    ...given('pid', url.parameter('pid')),
    ...(isProvider && isSwitchedOff((name) => url.parameter(name)) && { off: true as const }),
    ...(Number.isFinite(since) && { since }),
  };
}

function given(name: string, value: string | undefined): Record<string, string> {
  return value ? { [name]: value } : {};
}
