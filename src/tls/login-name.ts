// Who a client is by its certificate, for the mechanism EXTERNAL (rabbit_ssl:peer_cert_auth_name,
// https://www.rabbitmq.com/docs/ssl#peer-verification). Any thread, pure.
import type { BrokerConfig } from '../config/broker-config.ts';
import type { Certificate } from './certificate.ts';

type LoginFrom = Pick<
  BrokerConfig,
  'sslCertLoginFrom' | 'sslCertLoginSanType' | 'sslCertLoginSanIndex'
>;

/** Undefined: the certificate has no such name. */
export function loginName(certificate: Certificate, from: LoginFrom): string | undefined {
  switch (from.sslCertLoginFrom) {
    case 'distinguished_name':
      return certificate.subject || undefined;
    case 'common_name':
      return certificate.commonName || undefined;
    case 'subject_alternative_name': {
      const names = certificate.alternativeNames.filter(
        ({ type }) => type === from.sslCertLoginSanType,
      );
      return names[from.sslCertLoginSanIndex]?.value || undefined;
    }
  }
}
