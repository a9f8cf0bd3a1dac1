"""Personal data is replaced where it is: inside the source's database server, before anything of it leaves."""
