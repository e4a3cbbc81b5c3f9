import { ServiceUrl } from '../../dubbo/index.js';

/** One service of the demonstration: who provides it, where, and who consumes it. */
interface DemoService {
  readonly interface: string;
  readonly application: string;
  readonly version: string;
  readonly group?: string;
  readonly protocol: string;
  readonly port: number;
  /** How many providers there are in each zone. */
  readonly zones: Readonly<Record<string, number>>;
  readonly consumers: readonly string[];
}

const SERVICES: readonly DemoService[] = [
  {
    interface: 'com.acme.UserService',
    application: 'users',
    version: '1.0.0',
    protocol: 'dubbo',
    port: 20880,
    zones: { 'eu-1': 4, 'eu-2': 3, 'us-1': 2 },
    consumers: ['shop', 'mobile-gateway', 'orders'],
  },
  {
    interface: 'com.acme.OrderService',
    application: 'orders',
    version: '2.1.0',
    protocol: 'tri',
    port: 50051,
    zones: { 'eu-1': 3, 'eu-2': 3 },
    consumers: ['shop', 'mobile-gateway'],
  },
  {
    interface: 'com.acme.PaymentService',
    application: 'payments',
    version: '1.4.0',
    group: 'cards',
    protocol: 'dubbo',
    port: 20881,
    zones: { 'eu-1': 2, 'us-1': 2 },
    consumers: ['orders'],
  },
  {
    interface: 'com.acme.StockService',
    application: 'stock',
    version: '1.0.0',
    protocol: 'tri',
    port: 50052,
    zones: { 'eu-1': 2, 'eu-2': 2, 'us-1': 1 },
    consumers: ['shop', 'orders'],
  },
  {
    interface: 'com.acme.SearchService',
    application: 'search',
    version: '3.0.0',
    protocol: 'rest',
    port: 8080,
    zones: { 'eu-1': 3, 'us-1': 3 },
    consumers: ['shop', 'mobile-gateway'],
  },
];

const ZONES = ['eu-1', 'eu-2', 'us-1'];
/** The hosts of the applications that consume. */
const APPLICATIONS = ['shop', 'mobile-gateway', 'orders'];

/** The providers of the demonstration. */
export function demoProviders(): ServiceUrl[] {
  return SERVICES.flatMap((service, at) =>
    Object.entries(service.zones).flatMap(([zone, count]) =>
      Array.from({ length: count }, (_, index) =>
        ServiceUrl.from({
          protocol: service.protocol,
          host: `10.${ZONES.indexOf(zone) + 1}.${at}.${11 + index}`,
          port: service.port,
          path: service.interface,
          parameters: {
            application: service.application,
            version: service.version,
            ...(service.group && { group: service.group }),
            weight: '100',
            zone,
          },
        }),
      ),
    ),
  );
}

/** The consumers of the demonstration. */
export function demoConsumers(): ServiceUrl[] {
  return SERVICES.flatMap((service) =>
    service.consumers.map((application) =>
      ServiceUrl.from({
        protocol: 'consumer',
        host: `10.9.0.${11 + APPLICATIONS.indexOf(application)}`,
        path: service.interface,
        parameters: { application, version: service.version, ...(service.group && { group: service.group }) },
      }),
    ),
  );
}
