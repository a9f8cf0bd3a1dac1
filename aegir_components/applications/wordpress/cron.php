<?php
// Runs what is due on a WordPress site, by its own wp-cron.php. Each further site of a network has a process of its own, since
// plugins and settings are another site's. Site and document root are in the environment.
error_reporting(E_ALL & ~E_DEPRECATED);
ini_set('display_errors', 'stderr');
$docroot = realpath(getenv('AEGIR_DOCROOT'));
chdir($docroot);
$own = getenv('AEGIR_URL') . '/';
$address = getenv('AEGIR_SUBSITE') ?: $own;
[$scheme, $rest] = explode('://', $address);
[$_SERVER['HTTP_HOST'], $path] = explode('/', $rest, 2);
$_SERVER['SERVER_NAME'] = explode(':', $_SERVER['HTTP_HOST'])[0];
if ($scheme === 'https') {
  $_SERVER['HTTPS'] = 'on';
}
$_SERVER['REQUEST_URI'] = '/' . $path . 'wp-cron.php';
$_SERVER['PHP_SELF'] = $_SERVER['SCRIPT_NAME'] = '/wp-cron.php';
$_SERVER['REMOTE_ADDR'] = '127.0.0.1';
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
// wp-cron.php ends the program.
register_shutdown_function(function () use ($address, $own, $scheme) {
  if ($address !== $own || !function_exists('is_multisite') || !is_multisite()) {
    return;
  }
  $failed = [];
  $which = ['number' => 0, 'archived' => 0, 'deleted' => 0, 'spam' => 0, 'site__not_in' => [get_current_blog_id()]];
  foreach (get_sites($which) as $each) {
    $command = [PHP_BINARY];
    foreach (['memory_limit', 'sys_temp_dir'] as $key) {
      array_push($command, '-d', "$key=" . ini_get($key));
    }
    $known = ['AEGIR_SUBSITE' => "$scheme://{$each->domain}{$each->path}"] + getenv();
    $process = proc_open([...$command, __FILE__], [STDIN, STDOUT, STDERR], $pipes, NULL, $known);
    if (!$process || proc_close($process) !== 0) {
      $failed[] = $each->domain . $each->path;
    }
  }
  if ($failed) {
    fwrite(STDERR, 'cron failed on these sites of the network: ' . implode(', ', $failed) . "\n");
    exit(5);
  }
});
require $docroot . '/wp-cron.php';
