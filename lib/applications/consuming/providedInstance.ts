import type { ServiceUrl } from '../../dubbo/index.js';
import type { ApplicationInstance } from '../formats/instance.js';
import type { ServiceInfo } from '../formats/serviceInfo.js';
import { serviceUrlOf } from '../formats/serviceUrls.js';

/** An instance with its metadata: the services that it provides, made into URLs when somebody asks for them. */
export class ProvidedInstance {
  readonly instance: ApplicationInstance;
  readonly #services: readonly ServiceInfo[];
  readonly #onUnreadable: (error: unknown) => void;
  readonly #refine: (url: ServiceUrl) => ServiceUrl;
  readonly #urls = new Map<string, readonly ServiceUrl[]>();

  /** @param refine - Makes of each service what counts. */
  constructor(
    instance: ApplicationInstance,
    services: readonly ServiceInfo[],
    onUnreadable: (error: unknown) => void,
    refine: (url: ServiceUrl) => ServiceUrl = (url) => url,
  ) {
    this.instance = instance;
    this.#services = services;
    this.#onUnreadable = onUnreadable;
    this.#refine = refine;
  }

  /** The providers of an interface, `*` for all; the same objects each time. */
  urls(interfaceName: string): readonly ServiceUrl[] {
    const known = this.#urls.get(interfaceName);
    if (known) return known;
    const made =
      interfaceName === '*'
        ? [...new Set(this.#services.map(({ name }) => name))].flatMap((name) => this.urls(name))
        : this.#services.filter(({ name }) => name === interfaceName).flatMap((service) => this.#urlOf(service));
    this.#urls.set(interfaceName, made);
    return made;
  }

  #urlOf(service: ServiceInfo): ServiceUrl[] {
    try {
      return [this.#refine(serviceUrlOf(this.instance, service))];
    } catch (error) {
      this.#onUnreadable(error);
      return [];
    }
  }
}
