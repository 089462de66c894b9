// The effective configuration as plain, frozen data: main makes one at start and hands a copy to
// every thread, so it holds nothing that a structured clone would lose. Runs in main; read by any.
// Invariants: every value is in the range its schema entry gives; sizes are bytes; no key is unset.

/** One address to accept AMQP connections on. Host `::` means every IPv4 and IPv6 address. */
export interface ListenerAddress {
  readonly host: string;
  /** 0 asks the system for a free port. */
  readonly port: number;
}

/** How the listeners of one kind speak TLS; files are absolute paths. */
export interface TlsOptions {
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly keyPassword: string | undefined;
  readonly verify: 'verify_none' | 'verify_peer';
  readonly failIfNoPeerCert: boolean;
  /** Intermediate certificates of clients; all but 0 is no limit. */
  readonly depth: number;
  readonly versions: readonly string[];
  /** Empty: the usual ones. */
  readonly ciphers: readonly string[];
  readonly honorCipherOrder: boolean;
}

/** `sslCaFile` and so on: the configuration is flat. */
type Prefixed<Prefix extends string> = {
  readonly [Option in keyof TlsOptions as `${Prefix}${Capitalize<Option>}`]: TlsOptions[Option];
};

type CertLoginFromSetting = 'distinguished_name' | 'common_name' | 'subject_alternative_name';
type SanTypeSetting = 'dns' | 'ip' | 'email' | 'uri' | 'other_name';

/** What each virtual host may have whose name matches `pattern`; 0 is no limit. */
export interface VhostLimits {
  /** What the configuration calls this set of limits. */
  readonly name: string;
  /** A regular expression. */
  readonly pattern: string;
  readonly connectionsMax: number;
  readonly queuesMax: number;
}

/** A plugin to load: `plugins.NAME = MODULE`. */
export interface PluginSetting {
  readonly name: string;
  /** A package, or a path: absolute, or from the data directory. */
  readonly module: string;
}

/** An operator policy that virtual hosts whose name matches are given when they are created. */
export interface DefaultOperatorPolicy {
  readonly name: string;
  /** Regular expressions. */
  readonly vhostPattern: string;
  readonly queuePattern: string;
  readonly applyTo: string;
  readonly definition: Readonly<Record<string, number>>;
}

type StorageBackendSetting = 'auto' | 'native' | 'portable';
/** Whether it overwrites what the client has set; or it is off. */
type InterceptorSetting = 'none' | 'true' | 'false';
type LogLevelSetting = 'debug' | 'info' | 'warning' | 'error' | 'none';

export interface BrokerConfig extends Prefixed<'ssl'>, Prefixed<'managementSsl'> {
  readonly listeners: readonly ListenerAddress[];
  /** Where AMQP is spoken by TLS. */
  readonly sslListeners: readonly ListenerAddress[];
  readonly sslHandshakeTimeoutMillis: number;
  readonly sslCertLoginFrom: CertLoginFromSetting;
  readonly sslCertLoginSanType: SanTypeSetting;
  readonly sslCertLoginSanIndex: number;
  /** What the server suggests in connection.tune; 0 suggests none. */
  readonly heartbeatSeconds: number;
  readonly frameMax: number;
  readonly channelMax: number;
  readonly messageBytesMax: number;
  readonly handshakeTimeoutMillis: number;
  readonly defaultUser: string;
  readonly defaultPass: string;
  readonly defaultVhost: string;
  /** Users that may only connect from this machine. */
  readonly loopbackUsers: readonly string[];
  readonly authMechanisms: readonly string[];
  readonly authBackends: readonly string[];
  /** `none`: there are no anonymous logins. */
  readonly anonymousUser: string;
  readonly anonymousPass: string;
  readonly loginRefusedMillis: number;
  readonly permitTransientQueues: boolean;
  readonly permitGlobalQos: boolean;
  /** No client may ask for less. */
  readonly frameMaxFloor: number;
  readonly shards: number;
  readonly acceptors: number;
  /** An absolute path. */
  readonly dataDir: string;
  readonly managementHost: string;
  /** Undefined: no management listener. */
  readonly managementPort: number | undefined;
  readonly managementSslHost: string;
  /** Undefined: none by TLS. */
  readonly managementSslPort: number | undefined;
  readonly clusterName: string;
  readonly compatProduct: string;
  readonly compatVersion: string;
  readonly logLevel: LogLevelSetting;
  readonly ringBytes: number;
  readonly inlineBodyBytesMax: number;
  readonly readBudgetBytes: number;
  readonly loopbackCongestionControl: 'reno' | 'system';
  readonly connectionWindowBytes: number;
  readonly consumerWindowBytes: number;
  /** 0 = none. */
  readonly consumerTimeoutMillis: number;
  readonly flowBacklogMessages: number;
  readonly flowPublishRateFloor: number;
  readonly durability: 'fsync' | 'write' | 'memory';
  /** Which program writes the log on disk. */
  readonly storageBackend: StorageBackendSetting;
  readonly segmentBytes: number;
  /** Of the memory watermark. */
  readonly memoryPagingRatio: number;
  /** 0 = none. */
  readonly diskFreeLimitBytes: number;
  // Limits: 0 is none.
  readonly connectionMax: number;
  readonly channelMaxPerNode: number;
  readonly consumerMaxPerChannel: number;
  readonly vhostMax: number;
  readonly clusterQueueLimit: number;
  readonly clusterExchangeLimit: number;
  /** The first that matches a virtual host decides. */
  readonly vhostLimits: readonly VhostLimits[];
  readonly operatorPolicies: readonly DefaultOperatorPolicy[];
  /** Of queues that do not say, in virtual hosts that do not say. */
  readonly defaultQueueType: 'classic' | 'quorum';
  /** A quorum queue may be declared again as a classic one. */
  readonly isQuorumRedeclarationRelaxed: boolean;
  readonly userConnectionMax: number;
  readonly userChannelMax: number;
  readonly userPublishMessagesPerSecond: number;
  readonly userPublishBytesPerSecond: number;
  readonly connectionPublishMessagesPerSecond: number;
  readonly connectionPublishBytesPerSecond: number;
  readonly acceptPerSecond: number;
  /** Milliseconds; 0 = never. */
  readonly slowConsumerLogMillis: number;
  /** Of the machine's memory; counts when there is no absolute watermark. */
  readonly memoryWatermarkRelative: number;
  readonly memoryWatermarkBytes: number | undefined;
  /** 0 = none. */
  readonly vhostBudgetBytes: number;
  readonly queueBudgetBytes: number;
  /** In the order of their names. */
  readonly plugins: readonly PluginSetting[];
  /** What a plugin that cannot be loaded does to the start. */
  readonly pluginsOnError: 'stop' | 'skip';
  readonly transactionBytesMax: number;
  readonly timestampInterceptor: InterceptorSetting;
  readonly routingNodeInterceptor: InterceptorSetting;
}
