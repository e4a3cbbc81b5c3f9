/** A provider's URL as Dubbo writes them, some 250 characters of it. */
export function sampleUrl(service: string, number: number): string {
  const host = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
  const parameters = [
    'application=shop-users',
    'category=providers',
    'dubbo=2.0.2',
    `interface=${service}`,
    'methods=findById,findByName,create,update,remove',
    `pid=${1_000 + (number % 30_000)}`,
    'release=3.2.16',
    'side=provider',
    `timestamp=${1_767_225_600_000 + number}`,
    'version=1.0.0',
    `weight=${100 + (number % 4) * 50}`,
  ];
  return `dubbo://${host}:20880/${service}?${parameters.join('&')}`;
}

export function sampleUrls(service: string, count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, index) => sampleUrl(service, from + index));
}

/** The directory of a service's providers. */
export function providersOf(service: string): string {
  return `/dubbo/${service}/providers`;
}

/** The node of a provider. */
export function nodeOf(service: string, url: string): string {
  return `${providersOf(service)}/${encodeURIComponent(url)}`;
}
