import type { ReactNode } from 'react';
import { createContext, useContext } from 'react';
import type { Rpc } from '../rpc/client.ts';
import type { Stores } from './stores.ts';

/** The typed client of the host. */
export type Client = Rpc['rpc'];

/** All that a screen may use: the calls, the streams and the stores that outlive screens. */
export interface Services {
  readonly host: Rpc;
  readonly client: Client;
  readonly stores: Stores;
}

const ServicesContext = createContext<Services | undefined>(undefined);

export function ServicesProvider({ services, children }: { services: Services; children: ReactNode }) {
  return <ServicesContext value={services}>{children}</ServicesContext>;
}

/** The services of this window. Throws outside of the provider: that is a programming error. */
export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (services === undefined) throw new Error('no services above this component');
  return services;
}

export function useClient(): Client {
  return useServices().client;
}

export function useStores(): Stores {
  return useServices().stores;
}
