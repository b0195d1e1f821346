// A token given in the page's headers is forgotten with the page. Subscriptions send it, too.
const fetcher = GraphiQL.createFetcher({
  url: "/graphql",
  subscriptionUrl: location.origin.replace(/^http/, "ws") + "/graphql",
});
const page = React.createElement(GraphiQL, {
  fetcher,
  defaultEditorToolsVisibility: "headers",
  shouldPersistHeaders: false,
  defaultQuery: "# Give your token below, under Headers: {\"Authorization\": \"Bearer …\"}\n" +
    "query {\n  bounties(first: 10) {\n    nodes {\n      name\n      prizePool\n" +
    "      owner {\n        firstName\n      }\n    }\n  }\n}\n",
});
ReactDOM.createRoot(document.getElementById("graphiql")).render(page);
