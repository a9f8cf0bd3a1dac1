"""The values of php.ini that PHP 7.4, 8.2 and 8.4 know with the extensions that web servers get: ``ini_get_all()`` has said so.

https://www.php.net/manual/en/ini.list.php has their meaning.
"""

from __future__ import annotations

from typing import Final

FLAGS: Final = frozenset(
    """
    allow_url_fopen allow_url_include apc.coredump_unmap apc.enable_cli apc.enabled apc.slam_defense apc.use_request_time
    assert.active assert.bail assert.exception assert.quiet_eval assert.warning auto_detect_line_endings auto_globals_jit
    display_startup_errors enable_dl enable_post_data_reading expose_php file_uploads gd.jpeg_ignore_warning html_errors
    ignore_repeated_errors ignore_repeated_source ignore_user_abort implicit_flush intl.use_exceptions log_errors
    mail.add_x_header mail.mixed_lf_and_crlf mbstring.encoding_translation mbstring.strict_detection
    mysqli.allow_local_infile mysqli.allow_persistent mysqli.reconnect mysqli.rollback_on_cached_plink
    mysqlnd.collect_memory_statistics mysqlnd.collect_statistics mysqlnd.fetch_data_copy opcache.dups_fix opcache.enable
    opcache.enable_cli opcache.enable_file_override opcache.file_cache_consistency_checks opcache.file_cache_only
    opcache.huge_code_pages opcache.protect_memory opcache.record_warnings opcache.revalidate_path opcache.save_comments
    opcache.use_cwd opcache.validate_permission opcache.validate_root opcache.validate_timestamps pcre.jit phar.readonly
    phar.require_hash register_argc_argv report_memleaks report_zend_debug session.auto_start session.cookie_httponly
    session.cookie_secure session.lazy_write session.upload_progress.cleanup session.upload_progress.enabled
    session.use_cookies session.use_only_cookies session.use_strict_mode session.use_trans_sid short_open_tag
    sqlite3.defensive track_errors xmlrpc_errors zend.detect_unicode zend.enable_gc zend.exception_ignore_args
    zend.multibyte zend.signal_check
    """.split()
)
"""On or off."""
NUMBERS: Final = frozenset(
    """
    apc.entries_hint apc.gc_ttl apc.shm_segments apc.shm_size apc.smart apc.ttl bcmath.scale default_socket_timeout
    fiber.stack_size hard_timeout intl.error_level log_errors_max_len max_execution_time max_file_uploads
    max_input_nesting_level max_input_time max_input_vars max_multipart_body_parts mbstring.func_overload
    mbstring.regex_retry_limit mbstring.regex_stack_limit memory_hard_limit_percent memory_limit mysqli.default_port
    mysqli.max_links mysqli.max_persistent mysqlnd.log_mask mysqlnd.mempool_default_size mysqlnd.net_cmd_buffer_size
    mysqlnd.net_read_buffer_size mysqlnd.net_read_timeout opcache.consistency_checks opcache.file_update_protection
    opcache.force_restart_timeout opcache.interned_strings_buffer opcache.jit_bisect_limit
    opcache.jit_blacklist_root_trace opcache.jit_blacklist_side_trace opcache.jit_buffer_size opcache.jit_debug
    opcache.jit_hot_func opcache.jit_hot_loop opcache.jit_hot_return opcache.jit_hot_side_exit
    opcache.jit_max_exit_counters opcache.jit_max_loop_unrolls opcache.jit_max_polymorphic_calls
    opcache.jit_max_recursive_calls opcache.jit_max_recursive_returns opcache.jit_max_root_traces
    opcache.jit_max_side_traces opcache.jit_max_trace_length opcache.log_verbosity_level opcache.max_accelerated_files
    opcache.max_file_size opcache.max_wasted_percentage opcache.memory_consumption opcache.opt_debug_level
    opcache.revalidate_freq pcre.backtrack_limit pcre.recursion_limit post_max_size precision realpath_cache_size
    realpath_cache_ttl serialize_precision session.cache_expire session.cookie_lifetime session.gc_divisor
    session.gc_maxlifetime session.gc_probability session.sid_bits_per_character session.sid_length smtp_port
    unserialize_max_depth upload_max_filesize user_ini.cache_ttl xmlrpc_error_number zend.assertions
    zend.exception_string_param_max_len zend.max_allowed_stack_size zend.reserved_stack_size zlib.output_compression_level
    """.split()
)
"""Whole numbers; of bytes, with K, M or G."""
TEXTS: Final = frozenset(
    """
    SMTP apc.mmap_file_mask apc.preload_path apc.serializer arg_separator.input arg_separator.output assert.callback
    auto_append_file auto_prepend_file browscap cli.pager cli.prompt curl.cainfo date.default_latitude
    date.default_longitude date.sunrise_zenith date.sunset_zenith date.timezone default_charset default_mimetype
    disable_classes disable_functions display_errors doc_root docref_ext docref_root error_append_string error_log
    error_log_mode error_prepend_string exif.decode_jis_intel exif.decode_jis_motorola exif.decode_unicode_intel
    exif.decode_unicode_motorola exif.encode_jis exif.encode_unicode extension_dir ffi.enable ffi.preload filter.default
    filter.default_flags from highlight.comment highlight.default highlight.html highlight.keyword highlight.string
    iconv.input_encoding iconv.internal_encoding iconv.output_encoding include_path input_encoding internal_encoding
    intl.default_locale mail.force_extra_parameters mail.log mbstring.detect_order mbstring.http_input
    mbstring.http_output mbstring.http_output_conv_mimetypes mbstring.internal_encoding mbstring.language
    mbstring.substitute_character mysqli.default_host mysqli.default_pw mysqli.default_socket mysqli.default_user
    mysqli.local_infile_directory mysqlnd.debug mysqlnd.sha256_server_public_key mysqlnd.trace_alloc
    opcache.blacklist_filename opcache.error_log opcache.file_cache opcache.jit opcache.jit_prof_threshold
    opcache.lockfile_path opcache.optimization_level opcache.preferred_memory_model opcache.preload opcache.preload_user
    opcache.restrict_api open_basedir openssl.cafile openssl.capath output_buffering output_encoding output_handler
    pdo_mysql.default_socket phar.cache_list request_order sendmail_from sendmail_path session.cache_limiter
    session.cookie_domain session.cookie_path session.cookie_samesite session.name session.referer_check
    session.save_handler session.save_path session.serialize_handler session.trans_sid_hosts session.trans_sid_tags
    session.upload_progress.freq session.upload_progress.min_freq session.upload_progress.name
    session.upload_progress.prefix sqlite3.extension_dir sys_temp_dir syslog.facility syslog.filter syslog.ident
    unserialize_callback_func upload_tmp_dir url_rewriter.hosts url_rewriter.tags user_agent user_dir user_ini.filename
    variables_order zend.script_encoding zlib.output_compression zlib.output_handler
    """.split()
)
"""Anything else."""
OTHERS: Final = frozenset(
    """
    blackfire igbinary imagick imap ldap mailparse memcache memcached mongodb newrelic odbc pgsql phpdbg redis rdkafka snmp soap
    sqlsrv ssh2 tidy tideways uploadprogress xdebug xhprof yaml
    """.split()
)
"""What the names of extensions begin with that are not installed by us, and that people add."""
AT_START: Final = frozenset(
    """
    opcache.file_cache opcache.jit zend.script_encoding
    apc.enable_cli apc.entries_hint apc.mmap_file_mask apc.shm_segments apc.shm_size browscap extension extension_dir ffi.preload
    opcache.blacklist_filename opcache.enable_cli opcache.huge_code_pages opcache.interned_strings_buffer opcache.jit_buffer_size
    opcache.lockfile_path opcache.max_accelerated_files opcache.memory_consumption opcache.preferred_memory_model opcache.preload
    opcache.preload_user opcache.protect_memory phar.cache_list phar.readonly phar.require_hash zend.assertions zend_extension
    """.split()
)
"""What PHP-FPM reads once, before it reads its pools."""
