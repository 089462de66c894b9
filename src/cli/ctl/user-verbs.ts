// warrenmqctl's verbs about users. Runs in main, of a process of its own. Texts are rabbitmqctl's;
// a password that is not given is read from standard input.
import { escaped, type Row } from './api-client.ts';
import { CtlError, EXIT_CODES, noSuchUser } from './ctl-error.ts';
import { Atoms } from './output.ts';
import type { CtlContext, Verb } from './verb.ts';

interface UserRow extends Row {
  readonly name: string;
  readonly password_hash: string;
  readonly hashing_algorithm: string;
  readonly tags: readonly string[];
}

async function findUser({ api }: CtlContext, name: string): Promise<UserRow> {
  const user = await api.find<UserRow>(`users/${escaped(name)}`);
  if (user === undefined) throw noSuchUser(name);
  return user;
}

/** Without an argument the password is the first line of standard input. */
function passwordFrom({ terminal }: CtlContext, given: string | undefined): string {
  const password = given ?? terminal.readFile('/dev/stdin').split('\n', 1)[0];
  if (password !== '') return password;
  throw new CtlError(EXIT_CODES.data, 'user password cannot be blank');
}

const addUser: Verb = {
  name: 'add_user',
  arguments: '<username> [password]',
  description: 'Create a user.',
  run: async (context, [name, given]) => {
    context.banner(`Adding user "${name}" ...`);
    const path = `users/${escaped(name)}`;
    if ((await context.api.find(path)) !== undefined) {
      throw new CtlError(EXIT_CODES.software, `User "${name}" already exists`);
    }
    await context.api.put(path, { password: passwordFrom(context, given), tags: '' });
    context.done(
      "Done. Don't forget to grant the user permissions to some virtual hosts! " +
        "See 'rabbitmqctl help set_permissions' to learn more.",
    );
  },
};

const deleteUser: Verb = {
  name: 'delete_user',
  arguments: '<username>',
  description: 'Delete a user; its connections are closed.',
  run: async (context, [name]) => {
    context.banner(`Deleting user "${name}" ...`);
    if (!(await context.api.delete(`users/${escaped(name)}`))) throw noSuchUser(name);
  },
};

const changePassword: Verb = {
  name: 'change_password',
  arguments: '<username> [password]',
  description: 'Change the password of a user.',
  run: async (context, [name, given]) => {
    context.banner(`Changing password for user "${name}" ...`);
    const { tags } = await findUser(context, name);
    const password = passwordFrom(context, given);
    await context.api.put(`users/${escaped(name)}`, { password, tags });
  },
};

const clearPassword: Verb = {
  name: 'clear_password',
  arguments: '<username>',
  description: 'Clear the password of a user, so that nobody can log in with one.',
  run: async (context, [name]) => {
    context.banner(`Clearing password for user "${name}" ...`);
    const { tags } = await findUser(context, name);
    await context.api.put(`users/${escaped(name)}`, { password_hash: '', tags });
  },
};

const setUserTags: Verb = {
  name: 'set_user_tags',
  arguments: '<username> [tags...]',
  description: 'Set the tags of a user, such as administrator; without any, take them away.',
  run: async (context, [name, ...words]) => {
    const tags = words.flatMap((word) => word.split(',')).filter((tag) => tag !== '');
    context.banner(`Setting tags for user "${name}" to [${tags.join(', ')}] ...`);
    const user = await findUser(context, name);
    const { password_hash: hash, hashing_algorithm: algorithm } = user;
    const body = { password_hash: hash, hashing_algorithm: algorithm, tags };
    await context.api.put(`users/${escaped(name)}`, body);
  },
};

const listUsers: Verb = {
  name: 'list_users',
  description: 'List users and their tags.',
  run: async (context) => {
    context.banner('Listing users ...');
    const users = await context.api.get<UserRow[]>('users');
    const columns = [
      { name: 'user', valueOf: (row: Row) => row['name'] },
      { name: 'tags', valueOf: (row: Row) => new Atoms(row['tags'] as readonly string[]) },
    ];
    context.rows(columns, users);
  },
};

const authenticateUser: Verb = {
  name: 'authenticate_user',
  arguments: '<username> [password]',
  description: 'Try a user name and a password.',
  run: async (context, [name, given]) => {
    context.banner(`Authenticating user "${name}" ...`);
    const password = passwordFrom(context, given);
    try {
      await context.api.post('warrenmq/authenticate', { username: name, password });
    } catch (error) {
      if (!(error instanceof CtlError) || error.exitCode !== EXIT_CODES.software) throw error;
      const text = `failed to authenticate user "${name}"\n${error.message}`;
      throw new CtlError(EXIT_CODES.data, text);
    }
    context.done('Success');
  },
};

export const userVerbs: readonly Verb[] = [
  addUser,
  deleteUser,
  changePassword,
  clearPassword,
  setUserTags,
  listUsers,
  authenticateUser,
];
