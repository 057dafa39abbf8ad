// Takes people and a group through their lives at a SCIM service, with a client that other people wrote:
// the Users and Groups of Databricks' SDK. It changes by PUT, because the client sends the body of no PATCH. Prints what it saw as JSON, for test_clients.py to judge.

const http = require("node:http");
const { WorkspaceClient } = require("@databricks/sdk-experimental");

const [, , host, token] = process.argv;
const USER = "urn:ietf:params:scim:schemas:core:2.0:User";

const workspace = new WorkspaceClient({ host, token, authType: "pat" }, { agent: new http.Agent() });
// It would insist on https and the usual port.
workspace.config.getHost = async () => new URL(host);
// Databricks serves SCIM below an address of its own; everything else is sent as the client sends it.
const send = workspace.apiClient.request.bind(workspace.apiClient);
workspace.apiClient.request = (options, context) =>
  send({ ...options, path: options.path.replace("/api/2.0/preview", "") }, context);

const users = workspace.usersV2;
const groups = workspace.groupsV2;

// The client asks for one page after another until one is empty, and for the first again and again.
async function list(service, query) {
  const found = [];
  for await (const each of service.list({ ...query, startIndex: 1 })) {
    if (found.some((other) => other.id === each.id)) break;
    found.push(each);
  }
  return found;
}

async function refusal(request) {
  try {
    await request;
  } catch (error) {
    return error.statusCode;
  }
  return null;
}

async function main() {
  const seen = {};
  const ada = await users.create({
    schemas: [USER],
    userName: "ada@example.com",
    externalId: "1",
    name: { givenName: "Ada", familyName: "Lovelace" },
    emails: [{ value: "ada@example.com", type: "work", primary: true }],
    active: true,
  });
  const ben = await users.create({ schemas: [USER], userName: "ben@example.com", active: true });
  seen.created = ada;
  seen.read = await users.get({ id: ada.id });
  seen.duplicate = await refusal(users.create({ schemas: [USER], userName: "ADA@example.com" }));

  await users.update({ id: ada.id, schemas: [USER], userName: "ada@example.com", displayName: "Ada L.", active: true });
  seen.updated = await users.get({ id: ada.id });

  const group = await groups.create({ displayName: "Engineers", members: [{ value: ada.id }] });
  await groups.update({ id: group.id, displayName: "Engineers", members: [{ value: ben.id }] });
  seen.members = (await groups.get({ id: group.id })).members.map((member) => member.value);
  seen.groupFound = (await list(groups, { filter: 'displayName eq "engineers"' })).map((each) => each.id);

  seen.all = (await list(users, {})).map((user) => user.userName);
  seen.found = (await list(users, { filter: 'userName eq "ADA@EXAMPLE.COM"', attributes: "userName" })).map((user) => user.id);

  await users.update({ id: ada.id, schemas: [USER], userName: "ada@example.com", active: false });
  seen.deactivated = await users.get({ id: ada.id });
  seen.inactive = (await list(users, { filter: "active eq false" })).map((user) => user.id);

  await users.delete({ id: ben.id });
  seen.deleted = await refusal(users.get({ id: ben.id }));
  seen.membersLeft = (await groups.get({ id: group.id })).members ?? [];
  await groups.delete({ id: group.id });
  seen.groupDeleted = await refusal(groups.get({ id: group.id }));
  seen.ben = ben.id;
  console.log(JSON.stringify(seen));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
