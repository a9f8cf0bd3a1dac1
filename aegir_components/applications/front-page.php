<?php
// Catches what the site prints from here on, and gives it as one page at the end, however the program ends. Input: $in.
// Programs of the command line keep no headers: what follows puts those that matter here.
$aegir_page = ['status' => 0, 'headers' => [], 'database' => '', 'body' => ''];
if (strpos($in['url'], 'https:') === 0) {
  $_SERVER['HTTPS'] = 'on';
  $_SERVER['SERVER_PORT'] = 443;
}
ob_start(function ($text) use (&$aegir_page) {
  $aegir_page['body'] = substr($aegir_page['body'] . $text, 0, 20000);
  return '';
});
register_shutdown_function(function () use (&$aegir_page) {
  while (ob_get_level()) {
    ob_end_flush();
  }
  $aegir_page['status'] = $aegir_page['status'] ?: (http_response_code() ?: 200);
  $aegir_page['body'] = base64_encode($aegir_page['body']);
  echo "\n::page " . base64_encode(json_encode($aegir_page)) . "\n";
});
