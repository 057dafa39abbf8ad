// SCIMMY behind its Express routers, in memory, one process: node server.js PORT
import { randomUUID } from "node:crypto";
import express from "express";
import SCIMMYRouters, { SCIMMY } from "scimmy-routers";

const users = new Map();
const idsByName = new Map();

function claimName(name, id) {
  const key = name.toLowerCase();
  const owner = idsByName.get(key);
  if (owner !== undefined && owner !== id) {
    throw new SCIMMY.Types.Error(409, "uniqueness", "userName is taken");
  }
  idsByName.set(key, id);
}

function required(id) {
  const user = users.get(id);
  if (user === undefined) {
    throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
  }
  return user;
}

function store(resource, data) {
  const now = new Date();
  const before = resource.id === undefined ? undefined : required(resource.id);
  const id = before?.id ?? randomUUID();
  claimName(data.userName, id);
  if (before !== undefined && before.userName.toLowerCase() !== data.userName.toLowerCase()) {
    idsByName.delete(before.userName.toLowerCase());
  }
  const user = { ...data, id, meta: { created: before?.meta.created ?? now, lastModified: now } };
  users.set(id, user);
  return user;
}

function find(resource) {
  if (resource.id !== undefined) {
    return required(resource.id);
  }
  const all = [...users.values()];
  return resource.filter === undefined ? all : resource.filter.match(all);
}

function remove(resource) {
  idsByName.delete(required(resource.id).userName.toLowerCase());
  users.delete(resource.id);
}

SCIMMY.Resources.declare(SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser))
  .ingress(store)
  .egress(find)
  .degress(remove);

const groups = new Map();

function group(id) {
  const found = groups.get(id);
  if (found === undefined) {
    throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
  }
  return found;
}

function storeGroup(resource, data) {
  const id = resource.id === undefined ? randomUUID() : group(resource.id).id;
  const stored = { ...data, id, meta: { created: groups.get(id)?.meta.created ?? new Date(), lastModified: new Date() } };
  groups.set(id, stored);
  return stored;
}

function findGroups(resource) {
  if (resource.id !== undefined) {
    return group(resource.id);
  }
  const all = [...groups.values()];
  return resource.filter === undefined ? all : resource.filter.match(all);
}

SCIMMY.Resources.declare(SCIMMY.Resources.Group)
  .ingress(storeGroup)
  .egress(findGroups)
  .degress((resource) => groups.delete(group(resource.id).id));

const app = express().disable("x-powered-by").disable("etag");
app.use("/scim/v2", new SCIMMYRouters({ type: "bearer", handler: () => "bench" }));
app.listen(Number(process.argv[2]), "127.0.0.1");
