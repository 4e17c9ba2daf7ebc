const text = (body) => new Response(body, { headers: { 'x-made-by': 'javascript' } });

async function answer(request) {
  const { pathname } = new URL(request.url);
  if (pathname !== '/fetch') return text(`hello ${pathname}`);
  try {
    const reply = await fetch('http://there.example/x', { method: 'POST', body: 'ping' });
    return text(`${reply.status} ${await reply.text()}`);
  } catch (error) {
    return text(`refused: ${error.constructor.name}`);
  }
}

addEventListener('fetch', (event) => event.respondWith(answer(event.request)));
