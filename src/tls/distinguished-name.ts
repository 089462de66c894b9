// The text of a name in a certificate, as RabbitMQ writes it (rabbit_cert_info): RFC 4514, the last
// part first, such as CN=client,O=Example. Any thread, pure; cold. Users are named so by default
// (ssl_cert_login_from), so every character counts: those beyond ASCII are written as their bytes.
import { DER, type DerElement, derElements, derText, objectIdentifier } from './der.ts';

const COMMON_NAME = '2.5.4.3';

const SHORT_NAMES: Readonly<Record<string, string>> = {
  [COMMON_NAME]: 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'SERIALNUMBER',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'TITLE',
  '2.5.4.42': 'GIVENNAME',
  '2.5.4.43': 'INITIALS',
  '2.5.4.44': 'GENERATIONQUALIFIER',
  '2.5.4.65': 'PSEUDONYM',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'EMAILADDRESS',
};

interface Attribute {
  readonly type: string;
  readonly value: string;
}

/** The parts of a name, in the order of the certificate; most have one attribute. */
function partsOf(name: DerElement): Attribute[][] {
  return derElements(name.content).map((part) =>
    derElements(part.content).map((attribute) => {
      const [type, value] = derElements(attribute.content);
      return { type: objectIdentifier(type.content), value: derText(value) };
    }),
  );
}

export function distinguishedName(name: DerElement): string {
  if (name.tag !== DER.sequence) throw new RangeError('not a name');
  return partsOf(name)
    .map((part) => part.map(attributeText).join('+'))
    .reverse()
    .join(',');
}

/** All common names with a comma between, in the order of the certificate; none: undefined. */
export function commonName(name: DerElement): string | undefined {
  const names = partsOf(name)
    .flat()
    .filter(({ type }) => type === COMMON_NAME);
  return names.length === 0 ? undefined : names.map(({ value }) => value).join(',');
}

function attributeText({ type, value }: Attribute): string {
  return `${SHORT_NAMES[type] ?? type}=${escaped(value)}`;
}

/** RFC 4514, 2.4; like RabbitMQ also whatever is not printable ASCII, and the tilde. */
function escaped(value: string): string {
  const bytes = [...Buffer.from(value, 'utf8')];
  return bytes
    .map((byte, index) => {
      const character = String.fromCharCode(byte);
      if (byte < 0x20 || byte >= 0x7e) {
        return `\\${byte.toString(16).toUpperCase().padStart(2, '0')}`;
      }
      const isAtStart = index === 0 && (character === ' ' || character === '#');
      const isAtEnd = index > 0 && index === bytes.length - 1 && character === ' ';
      return isAtStart || isAtEnd || '"+,;<>\\'.includes(character) ? `\\${character}` : character;
    })
    .join('');
}
